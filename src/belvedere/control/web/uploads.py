"""What may be uploaded: little, and never to a disk."""

from typing import Any, override

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler


class SmallUploads(MemoryFileUploadHandler):
    """Keeps files in memory, and refuses a body that is larger than that before reading it (N30)."""

    @override
    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *args: Any, **more: Any) -> None:
        """Look at the length that is announced; Django reads no further than that. Raises RequestDataTooBig."""
        if content_length > settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        super().handle_raw_input(input_data, META, content_length, *args, **more)
