"""Backblaze's simulator, corrected where it is not as Backblaze documents the service, or does not scale."""

import bisect
import itertools
import time

from b2sdk.raw_simulator import BucketSimulator, RawSimulator


class Versions(dict):
    """The versions of a bucket's files by name and id, kept in that order: of one name, the newest comes first."""

    def __init__(self):
        super().__init__()
        self._order = []

    def __setitem__(self, key, file):
        if key not in self:
            bisect.insort(self._order, key)
        super().__setitem__(key, file)

    def __delitem__(self, key):
        super().__delitem__(key)
        del self._order[bisect.bisect_left(self._order, key)]

    def __iter__(self):
        return iter(self._order)

    def since(self, name, file_id=''):
        for i in range(bisect.bisect_left(self._order, (name, file_id)), len(self._order)):
            yield self[self._order[i]]


class Bucket(BucketSimulator):
    FIRST_FILE_NUMBER = 10**12 - 1
    FIRST_FILE_ID = str(FIRST_FILE_NUMBER)
    MAX_SIMPLE_COPY_SIZE = 5 * 10**9

    _ids = itertools.count(FIRST_FILE_NUMBER, -1)  # unique in all buckets, and of one length

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.relaxed = False  # about the names of files
        self.file_name_and_id_to_file = Versions()
        self.file_id_counter = self._ids
        self.upload_url_counter = itertools.count()
        self.upload_timestamp_counter = iter(lambda: time.time_ns() // 10**6, None)

    def _simulate_chunked_post(self, stream, content_length, *args, **kwargs):
        return stream.read(content_length)  # the simulator's own reads everything twice, in small pieces

    def bucket_dict(self, token):
        # Where the simulator has null, the service has an object that says nothing is set, and clients rely on that.
        nothing = {'isClientAuthorizedToRead': True, 'value': None}
        return super().bucket_dict(token) | {'replicationConfiguration': nothing}

    def newest(self, name):
        """The newest version that was finished, or hides the file. An upload that is only started shows nothing yet."""
        for file in self.file_name_and_id_to_file.since(name):
            if file.name != name:
                return None
            if file.action != 'start':
                return file
        return None

    def shown(self, name):
        """What a download of the name gets, or None."""
        file = self.newest(name)
        return file if file is not None and file.is_visible() else None

    def versions(self, start, start_id):
        return self.file_name_and_id_to_file.since(start, start_id)

    def names(self, start):
        """The shown version of every file from a name on."""
        last = None
        for file in self.file_name_and_id_to_file.since(start):
            if file.action == 'start' or file.name == last:
                continue
            last = file.name
            if file.is_visible():
                yield file


class Store(RawSimulator):
    BUCKET_SIMULATOR_CLASS = Bucket

    def __init__(self):
        super().__init__()
        self.bucket_id_counter = itertools.count()
        for _ in range(2):
            self.create_account()

    def _assert_account_auth(self, *args, **kwargs):
        """The front has checked the key, for every call and with its restrictions."""

    def bucket_of(self, file_id):
        return self.bucket_id_to_bucket.get(self.file_id_to_bucket_id.get(file_id))

    def file(self, file_id):
        """The version with that id, or None."""
        bucket = self.bucket_of(file_id)
        return bucket.file_id_to_file.get(file_id) if bucket else None


def page(found, prefix, delimiter, count):
    """Cuts a page of at most count entries out of the versions of a listing, which are in order. An entry is a version,
    or the name of a folder for all that have the delimiter behind the prefix. Returns the entries, and that which the
    next page begins with, or None."""
    entries, last = [], None
    for file in found:
        if not file.name.startswith(prefix):
            break
        entry = file
        if delimiter:
            end = file.name.find(delimiter, len(prefix))
            if end >= 0:
                entry = file.name[: end + len(delimiter)]
                if entry == last:
                    continue
                last = entry
        if len(entries) == count:
            return entries, entry
        entries.append(entry)
    return entries, None
