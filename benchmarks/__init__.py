"""Benchmarks of the paths that users use, end to end, with real processes: ``python -m benchmarks.path --help``.

A measurement is taken beside its bound in the same run, so that each figure is a ratio too: absolute figures belong to
a machine, ratios to the code. The modules ``publisher``, ``service``, ``bare``, ``direct``, ``restarts`` and
``simulator`` are programs, each a process of its own; the rest is what they and the harness share.
"""
