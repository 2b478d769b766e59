"""Kinds of files by their media type, and the endings people know them by."""

PDF = "application/pdf"
ZIP = "application/zip"
JPEG = "image/jpeg"
PNG = "image/png"

_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_ENDINGS = {
    PDF: "pdf",
    ZIP: "zip",
    JPEG: "jpg",
    PNG: "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/tiff": "tiff",
    "image/bmp": "bmp",
    "image/x-ms-bmp": "bmp",
    "image/avif": "avif",
    "image/heic": "heic",
    "image/heif": "heif",
    "text/plain": "txt",
    "application/msword": "doc",
    "application/vnd.ms-excel": "xls",
    f"{_OPEN_XML}wordprocessingml.document": "docx",
    f"{_OPEN_XML}spreadsheetml.sheet": "xlsx",
}


def ending_of(media_type: str) -> str | None:
    """Return the usual ending of a file's name, without its dot; None for a kind that Pleo's people do not upload."""
    return _ENDINGS.get(media_type)
