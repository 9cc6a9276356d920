"""The Kubernetes operator: people declare channels and benchmark runs as resources.

``resources`` are their types, from which the CustomResourceDefinitions are made. ``reconcile`` says by pure functions
what is to be done so that what is becomes what is wanted. Everything that speaks with Kubernetes or NATS stands around
these two.
"""
