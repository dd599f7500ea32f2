"""The demo: a durable queue at work on real files, by several processes.

One job for each source file of this Python's standard library; its handler counts lines and
tokens.  Files that are no valid source are retried, dead-lettered, listed, and replayed after a
fix.  Whatever is killed or stopped in between, nothing is lost and nothing is counted twice.
"""
