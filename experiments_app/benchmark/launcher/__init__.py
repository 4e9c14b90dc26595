"""What runs inside the genai-bench process: `python -m experiments_app.benchmark.launcher`.

It runs genai-bench's own benchmark command with a few of its parts exchanged, so it must be run by
a Python that has the very version it was written for. It is talked to in lines of JSON: the
configuration and then `go` come on standard input, events leave on the file descriptor that the
command line names. When standard input ends, so does the whole process group.
"""
