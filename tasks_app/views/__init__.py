"""The life of a task in the browser, a module for each page or group of actions."""
