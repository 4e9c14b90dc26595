"""Taking data sets in: the fetching, the reading and the counting, in a job of the queue."""
