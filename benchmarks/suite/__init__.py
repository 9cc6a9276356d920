"""The ten benchmarks. ``python -m benchmarks`` runs them and writes the report; plain pytest runs them, too."""
