"""Faults that really happen, made on purpose, and a checker of what they left behind.

Worker processes (``app``, started by ``crew``) write every call at the seam (``recorder``) and
every effect of a handler (``effects``) to files that no fault touches. ``history`` reads them and
``checks`` says which promise was broken.
"""
