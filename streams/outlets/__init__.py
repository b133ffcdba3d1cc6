"""Outlets: what leaves the pipeline for people and other programs. No part of the worker."""
