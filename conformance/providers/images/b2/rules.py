"""What Backblaze publishes about names, info and ranges. Nothing here knows the simulator.

Sources, in https://www.backblaze.com: "Files" (/docs/cloud-storage-files, and older and stricter /b2/docs/files.html),
"Add File Information with the Native API" (/docs/cloud-storage-add-file-information-with-the-native-api), "Buckets"
(/docs/cloud-storage-buckets), and the pages of the calls (/apidocs).
"""

import re
from urllib.parse import quote, unquote_plus

MAX_NAME = 1024  # bytes of UTF-8
MAX_SEGMENT = 250  # bytes of UTF-8 between two slashes
MAX_INFO = 10  # entries, the b2-* ones among them
MAX_INFO_NAME = 50  # bytes
MAX_HEADERS = 7000  # bytes of the header lines of name and info
MAX_HEADERS_ENCRYPTED = 2048  # the same for a file with server-side encryption

# The info that sets a header of the download, and the parameter of a download that overrides it.
SPECIAL = {
    'b2-content-disposition': ('Content-Disposition', 'b2ContentDisposition'),
    'b2-content-language': ('Content-Language', 'b2ContentLanguage'),
    'b2-expires': ('Expires', 'b2Expires'),
    'b2-cache-control': ('Cache-Control', 'b2CacheControl'),
    'b2-content-encoding': ('Content-Encoding', 'b2ContentEncoding'),
}
OVERRIDES = {parameter: header for header, parameter in SPECIAL.values()} | {'b2ContentType': 'Content-Type'}

INFO_NAME = re.compile(r"[-_.`~!#$%^&*'|+0-9a-z]+")
HEADER_VALUE = re.compile(r'[\x20-\x7e]*')
BUCKET_NAME = re.compile(r'[-0-9A-Za-z]{6,63}')
SHA1 = re.compile(r'[0-9a-f]{40}')


class Refused(Exception):
    """An answer that is an error: {"status": …, "code": …, "message": …}."""

    def __init__(self, status, code, message='', headers=None):
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


def bad_request(message):
    return Refused(400, 'bad_request', message)


def decode(value, what):
    """The text of a percent-encoded header or path, where + is a space too ("Native API string encoding")."""
    if re.search('%(?![0-9A-Fa-f]{2})', value):
        raise bad_request(f'{what} is not percent-encoded: {value}')
    try:
        return unquote_plus(value, errors='strict')
    except UnicodeDecodeError:
        raise bad_request(f'{what} is not UTF-8: {value}') from None


def check_file_name(name, relaxed):
    """The stricter of Backblaze's pages. Some leave out the backslash, the slashes, and the length of segments, and so
    does relaxed."""
    size = len(name.encode())
    if size == 0:
        raise bad_request('File names must contain at least one character')
    if size > MAX_NAME:
        raise bad_request(f'File names in UTF8 must be no more than {MAX_NAME} bytes')
    if any(ord(c) < 32 for c in name):
        raise bad_request('File names must not contain characters with codes less than 32')
    if '\x7f' in name:
        raise bad_request('File names must not contain DEL')
    if relaxed:
        return
    if '\\' in name:
        raise bad_request("File names must not contain '\\'")
    if name.startswith('/'):
        raise bad_request("File names must not start with '/'")
    if name.endswith('/'):
        raise bad_request("File names must not end with '/'")
    if '//' in name:
        raise bad_request("File names must not contain '//'")
    if any(len(segment.encode()) > MAX_SEGMENT for segment in name.split('/')):
        raise bad_request(f'File names must not contain a segment of more than {MAX_SEGMENT} bytes')


def check_info(name, info, encrypted):
    """Checks a file's info, whose names are in lower case already, together with the file's name."""
    if len(info) > MAX_INFO:
        raise bad_request(f'{len(info)} entries of file info, at most {MAX_INFO} are allowed')
    for key, value in info.items():
        if not isinstance(value, str):
            raise bad_request(f'The value of file info {key} is not a string')
        if len(key.encode()) > MAX_INFO_NAME:
            raise bad_request(f'The name of file info {key} has more than {MAX_INFO_NAME} bytes')
        if not INFO_NAME.fullmatch(key):
            raise bad_request(f'The name of file info {key} has a character that is not allowed')
        if key.startswith('b2-'):
            if key not in SPECIAL:
                raise bad_request(f'The name of file info {key} is reserved')
            if not HEADER_VALUE.fullmatch(value):
                raise bad_request(f'The value of file info {key} cannot be a header')
    # The limit is on encoded header lines with their line ends (b2_upload_file).
    lines = {'X-Bz-File-Name': name} | {'X-Bz-Info-' + key: value for key, value in info.items()}
    size = sum(len(f'{header}: {quote(value)}\r\n') for header, value in lines.items())
    limit = MAX_HEADERS_ENCRYPTED if encrypted else MAX_HEADERS
    if size > limit:
        raise bad_request(f'File name and info need headers of {size} bytes, at most {limit} are allowed')


def check_bucket_name(name):
    if not BUCKET_NAME.fullmatch(name) or name.lower().startswith('b2-'):
        raise bad_request(f'Invalid bucket name: {name}: it needs 6 to 63 letters, digits and -, and not b2- first')


def parse_range(header, size):
    """The first and last byte that a Range header asks for, or None for all of them: a header that is no range of bytes
    is ignored (RFC 9110, 14.2)."""
    found = re.fullmatch(r'bytes=(\d*)-(\d*)', header or '')
    if not found or found[0] == 'bytes=-':
        return None
    first, last = found.groups()
    if not first:
        first, last = max(size - int(last), 0), size - 1
    elif last and int(last) < int(first):
        return None
    else:
        first, last = int(first), min(int(last or size), size - 1)
    if first >= size:
        message = f'The range {header} is not in the {size} bytes of the file'
        raise Refused(416, 'range_not_satisfiable', message, {'Content-Range': f'bytes */{size}'})
    return first, last
