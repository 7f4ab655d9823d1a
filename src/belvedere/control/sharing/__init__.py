"""Sharing: recipients, shares, their life from offer to end. In force, a share projects itself into grants."""
