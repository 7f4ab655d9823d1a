"""Recorded video: how cameras are recorded, where their footage is, exports. Media holds the footage itself."""
