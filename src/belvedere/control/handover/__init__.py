"""Handing things over: an organization changes its owner when both sides have proved who they are (VV 32)."""
