"""Django's PostgreSQL, with the promise on writing that the rest of the code is built on."""
