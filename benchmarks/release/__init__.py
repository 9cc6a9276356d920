"""The ten benchmarks of an installed release, over NATS alone: ``rosey bench release``, and the Job of the chart.

A release is neither restarted nor looked at from inside: what is measured is what any client of it sees, and what its
processes tell as metrics. Nothing of a checkout is needed beside this package ``benchmarks``, so that it runs in the
image of the tools. What cannot be measured in this way is ``NOT RUN``, with the reason.
"""
