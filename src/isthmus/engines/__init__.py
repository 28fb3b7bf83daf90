"""Engines: runs on the clusters of Ray, Spark and Dask."""
