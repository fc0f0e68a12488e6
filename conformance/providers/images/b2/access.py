"""Who may make a call: keys with their capabilities and restrictions, and the tokens that were handed out."""

import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import rules
from calls import CALLS
from rules import Refused, bad_request


def unauthorized(message):
    return Refused(401, 'unauthorized', message)


def key_expired(key):
    return key.expiration_timestamp_or_none is not None and key.expiration_timestamp_or_none <= time.time()


@dataclass
class Token:
    """What b2_authorize_account hands out."""

    key: object  # a KeySimulator
    expired: bool = False


@dataclass
class UploadToken:
    """What b2_get_upload_url and b2_get_upload_part_url hand out. One upload at a time may use it."""

    token: Token
    bucket: object
    simulated: str  # the simulator's URL, which is also its token
    file_id: str = ''  # of the large file, for parts
    path: str = ''
    busy: bool = False
    expired: bool = False


@dataclass
class DownloadToken:
    """What b2_get_download_authorization hands out."""

    bucket: object
    prefix: str
    until: float
    overrides: dict = field(default_factory=dict)


class Access:
    """The tokens that were handed out, and what they and their keys allow in a store. Its lock is the store's too."""

    def __init__(self, store, log):
        self._store = store
        self._log = log
        self.lock = threading.RLock()
        self._tokens = {}
        self._uploads = {}
        self._downloads = {}

    def locate(self, call):
        """Fills in what the call is about, without a check of whether it may be made."""
        with self.lock:
            if call.name == 'b2_authorize_account':
                call.key = call.params['keyId']
            elif token := self._tokens.get(call.token):
                call.key = token.key.application_key_id
            elif upload := self._uploads.get(call.token):
                call.key, call.bucket = upload.token.key.application_key_id, upload.bucket.bucket_name
            if not call.bucket and (bucket := self._bucket(call)):
                call.bucket = bucket.bucket_name

    def account_token(self, call):
        """The token of a call, once it is checked for all that the call is about."""
        if not call.token:
            raise Refused(401, 'missing_auth_token', 'There is no authorization token')
        token = self._tokens.get(call.token)
        if token is None:
            raise Refused(401, 'bad_auth_token', 'Invalid authorization token')
        if token.expired or key_expired(token.key):
            raise Refused(401, 'expired_auth_token', 'Authorization token has expired')
        _, capability = CALLS[call.name]
        if capability not in token.key.capabilities:
            raise unauthorized(f'The application key has no capability {capability}')
        bucket = self._bucket(call)
        if bucket is not None:
            self.check_restrictions(token.key, bucket, self._name(call))
        elif token.key.bucket_id_or_none is not None:
            raise unauthorized('The application key is restricted to one bucket')
        return token

    def check_restrictions(self, key, bucket, name):
        """Checks that a key includes a name in a bucket, or the bucket, where name is None."""
        if bucket.account_id != key.account_id or key.bucket_id_or_none not in (None, bucket.bucket_id):
            raise unauthorized('The application key does not include the bucket')
        if key.name_prefix_or_none and name is not None and not name.startswith(key.name_prefix_or_none):
            raise unauthorized(f'The application key is restricted to names with the prefix {key.name_prefix_or_none}')

    def _bucket(self, call):
        """The bucket that a call is about: where it writes, if it is about two."""
        if call.params.get('bucketName') and call.name in ('b2_download_file_by_name', 'b2_list_buckets'):
            return self._store.bucket_name_to_bucket.get(call.text('bucketName'))
        for name in ('destinationBucketId', 'bucketId'):
            if call.params.get(name):
                return self._store.bucket_id_to_bucket.get(call.text(name))
        for name in ('largeFileId', 'fileId', 'sourceFileId'):
            if call.params.get(name):
                return self._store.bucket_of(call.text(name))
        return None

    def _name(self, call):
        """The file name, or the prefix of file names, that a call is about, or None."""
        if call.name in ('b2_list_file_names', 'b2_list_file_versions'):
            return call.text('prefix', '')
        if call.name == 'b2_list_unfinished_large_files':
            return call.text('namePrefix', '')
        for name in ('fileName', 'fileNamePrefix'):
            if name in call.params:
                return call.text(name, '')
        for name in ('largeFileId', 'fileId'):
            if call.params.get(name) and (file := self._store.file(call.text(name))):
                return file.name
        return None

    def may_download(self, call, bucket, name):
        """Checks the right to download, and returns the headers that the call or its token override."""
        given = {p: call.params[p] for p in rules.OVERRIDES if call.params.get(p)}
        if not call.token and bucket.bucket_type == 'allPublic':
            if given:
                raise unauthorized('Headers can be overridden only with an authorization token')
        elif token := self._downloads.get(call.token):
            if token.until <= time.time():
                raise Refused(401, 'expired_auth_token', 'The download authorization has expired')
            if token.bucket is not bucket or not name.startswith(token.prefix):
                raise unauthorized('The download authorization does not include the file')
            if token.overrides and token.overrides != given:
                raise unauthorized('The download authorization is for other headers')
        else:
            self.account_token(call)
        for value in given.values():
            if not rules.HEADER_VALUE.fullmatch(value):
                raise bad_request(f'{value} cannot be a header')
        return {rules.OVERRIDES[p]: value for p, value in given.items()}

    @contextmanager
    def uploading(self, call):
        """Checks an upload before its body is read, and has the upload's URL to itself until it is done."""
        with self.lock:
            upload = self._uploads.get(call.token)
            if upload is None or upload.path != call.params['path']:
                if call.token:
                    self._log.add(call.key, call.bucket, 'uploadUrls', 'refused')
                raise Refused(401, 'bad_auth_token', 'The upload URL or its token is not known, or not any more')
            if upload.expired or key_expired(upload.token.key):
                raise Refused(401, 'expired_auth_token', 'The upload token has expired')
            if upload.busy:
                # https://github.com/Backblaze/b2-sdk-python/issues/79
                self._log.add(call.key, call.bucket, 'uploadUrls', 'shared')
                raise bad_request(f'more than one upload using auth token {call.token}')
            upload.busy = True
        try:
            yield upload
        finally:
            with self.lock:
                upload.busy = False

    def retire(self, call):
        """Forgets the upload URL of a call that is an upload, as Backblaze does when that fails."""
        with self.lock:
            self._uploads.pop(call.token, None)

    def expire(self, tokens, key=''):
        """Lets all tokens of a kind that have been handed out expire, and returns how many."""
        with self.lock:
            if tokens == 'account':
                those = [t for t in self._tokens.values() if key in ('', t.key.application_key_id)]
            elif tokens == 'upload':
                those = [u for u in self._uploads.values() if key in ('', u.token.key.application_key_id)]
            else:
                raise bad_request('tokens that can expire are account and upload')
            for token in those:
                token.expired = True
            return len(those)

    def hand_out(self, key):
        """Returns a token for a key."""
        text = 'auth_' + secrets.token_urlsafe(24)
        with self.lock:
            self._tokens[text] = Token(key)
        return text

    def hand_out_upload(self, call, upload):
        """Returns a token for uploads, and their URL."""
        text = 'upload_' + secrets.token_urlsafe(24)
        name = 'b2_upload_part' if upload.file_id else 'b2_upload_file'
        target = upload.file_id or upload.bucket.bucket_id
        upload.path = f'/b2api/v{call.version}/{name}/{target}/c001_v{secrets.randbelow(10**7):07}_t0000'
        with self.lock:
            self._uploads[text] = upload
        return text, call.url + upload.path

    def hand_out_download(self, download):
        """Returns a token for downloads."""
        text = 'download_' + secrets.token_urlsafe(24)
        with self.lock:
            self._downloads[text] = download
        return text

    def forget(self, key):
        """Forgets what was handed out to the holders of a key."""
        with self.lock:
            self._tokens = {text: t for text, t in self._tokens.items() if t.key is not key}
            self._uploads = {text: u for text, u in self._uploads.items() if u.token.key is not key}
