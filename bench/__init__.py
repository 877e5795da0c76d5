"""Measurements of speed, memory and growth; ``make bench`` runs them."""
