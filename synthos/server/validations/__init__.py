"""Validations: asked for, carried out by a worker, answered in the terms of the contract."""
