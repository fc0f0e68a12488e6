"""The calls of the B2 Native API, versions 2 and 3, on the simulator: who may make them, with what, and the answers."""

import hashlib
import io
import secrets
import threading
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field

from b2sdk import exception
from b2sdk.encryption.setting import EncryptionSetting
from b2sdk.encryption.types import EncryptionAlgorithm, EncryptionMode
from b2sdk.raw_api import ALL_CAPABILITIES, MetadataDirectiveMode
from b2sdk.raw_simulator import get_bytes_range

import rules
from rules import Refused, bad_request
from store import Store, page

# The class of each call, for which it is billed (https://www.backblaze.com/cloud-storage/transaction-pricing), and the
# capability that it needs (https://www.backblaze.com/docs/cloud-storage-application-key-capabilities).
CALLS = {
    'b2_authorize_account': ('C', None),
    'b2_cancel_large_file': ('A', 'writeFiles'),
    'b2_copy_file': ('C', 'writeFiles'),
    'b2_copy_part': ('C', 'writeFiles'),
    'b2_create_bucket': ('C', 'writeBuckets'),
    'b2_create_key': ('C', 'writeKeys'),
    'b2_delete_bucket': ('A', 'deleteBuckets'),
    'b2_delete_file_version': ('A', 'deleteFiles'),
    'b2_delete_key': ('A', 'deleteKeys'),
    'b2_download_file_by_id': ('B', 'readFiles'),
    'b2_download_file_by_name': ('B', 'readFiles'),
    'b2_finish_large_file': ('A', 'writeFiles'),
    'b2_get_download_authorization': ('C', 'shareFiles'),
    'b2_get_file_info': ('B', 'readFiles'),
    'b2_get_upload_part_url': ('A', 'writeFiles'),
    'b2_get_upload_url': ('A', 'writeFiles'),
    'b2_hide_file': ('A', 'writeFiles'),
    'b2_list_buckets': ('C', 'listBuckets'),
    'b2_list_file_names': ('C', 'listFiles'),
    'b2_list_file_versions': ('C', 'listFiles'),
    'b2_list_keys': ('C', 'listKeys'),
    'b2_list_parts': ('C', 'writeFiles'),
    'b2_list_unfinished_large_files': ('C', 'listFiles'),
    'b2_start_large_file': ('A', 'writeFiles'),
    'b2_update_bucket': ('C', 'writeBuckets'),
    'b2_upload_file': ('A', 'writeFiles'),
    'b2_upload_part': ('A', 'writeFiles'),
}

UPLOADS = ('b2_upload_file', 'b2_upload_part')
DOWNLOADS = ('b2_download_file_by_id', 'b2_download_file_by_name')

# What a key that is restricted to a bucket cannot have (b2_create_key).
ACCOUNT_WIDE = {'listKeys', 'writeKeys', 'deleteKeys', 'writeBuckets', 'deleteBuckets'}

RECOMMENDED_PART_SIZE = 100_000_000
MAX_PART_NUMBER = 10_000
MAX_DOWNLOAD_AUTHORIZATION = 604_800  # seconds

# The most entries of a listing (the pages of the calls), and how many of them are billed as one call.
MAX_FILES, MAX_UNFINISHED, MAX_PARTS, MAX_KEYS = 10_000, 100, 1_000, 10_000
BILLED_FILES = 1_000


@dataclass
class Call:
    """A request of the API."""

    name: str  # such as b2_hide_file
    version: int  # of the API
    token: str  # what it shows as authorization, or ''
    params: dict  # of the JSON or the query; of b2_download_file_by_name also bucketName and fileName
    headers: dict
    url: str  # of this server, as the client calls it

    # What the call is about, as far as that can be told before it is checked.
    key: str = ''  # the id of the application key
    bucket: str = ''  # name

    billed: int = 1  # transactions

    def text(self, name, default=None):
        value = self.params.get(name)
        if value is None or value == '':
            value = default
        if value is None:
            raise bad_request(f'{self.name} needs {name}')
        if not isinstance(value, str):
            raise bad_request(f'{name} is not a string')
        return value

    def number(self, name, default, most, least=1):
        """The number, where none and 0 mean the default."""
        value = self.params.get(name) or default
        try:
            value = int(value)
        except (TypeError, ValueError):
            raise bad_request(f'{name} is not a number') from None
        if not least <= value <= most:
            raise bad_request(f'{name} is {value}, it can be {least} to {most}')
        return value

    def object(self, name):
        value = self.params.get(name) or {}
        if not isinstance(value, dict):
            raise bad_request(f'{name} is not an object')
        return value

    def refuse_unknown(self, *names):
        """What the simulator cannot do is not ignored."""
        for name in names:
            if self.params.get(name):
                raise bad_request(f'{name} is not simulated')


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


class Api:
    def __init__(self, log, min_part_size, relaxed_names):
        self._log = log
        self._min_part_size = min_part_size
        self._relaxed_names = relaxed_names
        self._lock = threading.RLock()
        self._store = Store()
        self._tokens = {}
        self._uploads = {}
        self._downloads = {}
        for _ in range(2):
            self._store.create_account()

    # What surrounds a call.

    def locate(self, call):
        """Fills in what the call is about, without a check of whether it may be made."""
        with self._lock:
            if call.name == 'b2_authorize_account':
                call.key = call.params['keyId']
            elif token := self._tokens.get(call.token):
                call.key = token.key.application_key_id
            elif upload := self._uploads.get(call.token):
                call.key, call.bucket = upload.token.key.application_key_id, upload.bucket.bucket_name
            if not call.bucket and (bucket := self._bucket(call)):
                call.bucket = bucket.bucket_name

    def perform(self, call):
        """Makes a call that has JSON as its answer, and returns that."""
        with self._lock, refusing():
            if call.name == 'b2_authorize_account':
                return self.b2_authorize_account(call)
            token = self._account_token(call)
            return getattr(self, call.name)(call, token)

    @contextmanager
    def uploading(self, call):
        """Checks an upload before its body is read, and has the upload's URL to itself until it is done."""
        with self._lock:
            upload = self._uploads.get(call.token)
            if upload is None or upload.path != call.params['path']:
                if call.token:
                    self._log.add(call.key, call.bucket, 'uploadUrls', 'refused')
                raise Refused(401, 'bad_auth_token', 'The upload URL or its token is not known, or not any more')
            if upload.expired or upload.token.expired:
                raise Refused(401, 'expired_auth_token', 'The upload token has expired')
            if upload.busy:
                # As b2sdk.exception and rclone know it.
                self._log.add(call.key, call.bucket, 'uploadUrls', 'shared')
                raise bad_request(f'more than one upload using auth token {call.token}')
            upload.busy = True
        try:
            yield upload
        finally:
            with self._lock:
                upload.busy = False

    def upload(self, call, upload, body):
        with self._lock, refusing():
            if call.name == 'b2_upload_file':
                return self.b2_upload_file(call, upload, body)
            return self.b2_upload_part(call, upload, body)

    def retire(self, call):
        """Forgets the upload URL of a call that is an upload, as Backblaze does when that fails."""
        with self._lock:
            self._uploads.pop(call.token, None)

    def expire(self, tokens, key=''):
        """Lets all tokens of a kind that have been handed out expire, and returns how many."""
        with self._lock:
            if tokens == 'account':
                those = [t for t in self._tokens.values() if key in ('', t.key.application_key_id)]
            elif tokens == 'upload':
                those = [u for u in self._uploads.values() if key in ('', u.token.key.application_key_id)]
            else:
                raise bad_request('tokens that can expire are account and upload')
            for token in those:
                token.expired = True
            return len(those)

    def download(self, call):
        """Returns the headers, the content, and the range of it that is asked for, or None."""
        with self._lock, refusing():
            if call.name == 'b2_download_file_by_name':
                bucket = self._store.bucket_name_to_bucket.get(call.params['bucketName'])
                if bucket is None:
                    raise Refused(404, 'not_found', f'Bucket does not exist: {call.params["bucketName"]}')
                name, file = call.params['fileName'], None
            else:
                file = self._store.file(call.text('fileId'))
                if file is None or file.action != 'upload':
                    raise Refused(404, 'not_found', f'File not present: {call.text("fileId")}')
                bucket, name = file.bucket, file.name
            overrides = self._may_download(call, bucket, name)
            file = file or bucket.shown(name)
            if file is None:
                raise Refused(404, 'not_found', f'File with such name does not exist: {name}')
            content = file.data_bytes
            span = rules.parse_range(call.headers.get('Range'), len(content))
            headers = {h.title(): str(v) for h, v in file.as_download_headers(None, span).items()}
            del headers['Content-Length']  # of what is sent, which need not be this
            headers['Accept-Ranges'] = 'bytes'
            headers |= overrides
            return headers, content, span

    # Who may.

    def _account_token(self, call):
        token = self._tokens.get(call.token)
        if token is None:
            raise Refused(401, 'bad_auth_token', 'Invalid authorization token')
        if token.expired or self._key_expired(token.key):
            raise Refused(401, 'expired_auth_token', 'Authorization token has expired')
        _, capability = CALLS[call.name]
        if capability not in token.key.capabilities:
            raise unauthorized(f'The application key has no capability {capability}')
        bucket = self._bucket(call)
        if bucket is not None:
            self._check_restrictions(token.key, bucket, self._name(call))
        elif token.key.bucket_id_or_none is not None:
            raise unauthorized('The application key is restricted to one bucket')
        return token

    def _check_restrictions(self, key, bucket, name):
        if bucket.account_id != key.account_id or key.bucket_id_or_none not in (None, bucket.bucket_id):
            raise unauthorized('The application key does not include the bucket')
        if key.name_prefix_or_none and name is not None and not name.startswith(key.name_prefix_or_none):
            raise unauthorized(f'The application key is restricted to names with the prefix {key.name_prefix_or_none}')

    def _key_expired(self, key):
        return key.expiration_timestamp_or_none is not None and key.expiration_timestamp_or_none <= time.time()

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

    def _may_download(self, call, bucket, name):
        """Checks the right to download, and returns the headers that the call or its token override."""
        given = {p: call.params[p] for p in rules.OVERRIDES if call.params.get(p)}
        if not call.token:
            if bucket.bucket_type != 'allPublic':
                raise unauthorized('The bucket is not public')
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
            self._account_token(call)
        for value in given.values():
            if not rules.HEADER_VALUE.fullmatch(value):
                raise bad_request(f'{value} cannot be a header')
        return {rules.OVERRIDES[p]: value for p, value in given.items()}

    # What is there.

    def _existing_bucket(self, call, name='bucketId'):
        bucket = self._store.bucket_id_to_bucket.get(call.text(name))
        if bucket is None:
            raise Refused(400, 'bad_bucket_id', f'Bucket {call.text(name)} does not exist')
        return bucket

    def _existing_file(self, call, name='fileId'):
        file = self._store.file(call.text(name))
        if file is None:
            raise Refused(404, 'not_found', f'File not present: {call.text(name)}')
        return file

    def _unfinished(self, call, name='fileId'):
        file = self._store.file(call.text(name))
        if file is None or file.action != 'start':
            raise bad_request(f'No active upload for: {call.text(name)}')
        return file

    def _file_name(self, call):
        name = call.text('fileName', '')
        rules.check_file_name(name, self._relaxed_names)
        return name

    def _info(self, name, info, encryption, bucket):
        info = {key.lower(): value for key, value in info.items()}
        encryption = encryption or bucket.default_server_side_encryption
        rules.check_info(name, info, encrypted=encryption.mode is EncryptionMode.SSE_B2)
        return info

    # The calls: authorization and keys.

    def b2_authorize_account(self, call):
        try:
            answer = self._store.authorize_account('production', call.params['keyId'], call.params['key'])
        except exception.InvalidAuthToken:
            answer = None
        if answer is None or self._key_expired(self._store.key_id_to_key[call.params['keyId']]):
            raise unauthorized('The application key or its id is wrong')
        # The simulator's tokens can be guessed.
        token = 'auth_' + secrets.token_urlsafe(24)
        key = self._store.auth_token_to_key[token] = self._store.auth_token_to_key.pop(answer['authorizationToken'])
        self._store.current_token = token
        self._tokens[token] = Token(key)
        allowed = {name: answer['allowed'].get(name) for name in ('bucketId', 'bucketName', 'capabilities', 'namePrefix')}
        storage = {
            'absoluteMinimumPartSize': self._min_part_size,
            'recommendedPartSize': max(RECOMMENDED_PART_SIZE, self._min_part_size),
            'apiUrl': call.url,
            'downloadUrl': call.url,
            's3ApiUrl': call.url,
        }
        answer = {'accountId': key.account_id, 'authorizationToken': token}
        if call.version == 2:
            return answer | storage | {'allowed': allowed}
        expires = key.expiration_timestamp_or_none
        return answer | {
            'applicationKeyExpirationTimestamp': expires and expires * 1000,
            'apiInfo': {'storageApi': storage | allowed | {'infoType': 'storageApi'}},
        }

    def b2_create_key(self, call, token):
        capabilities = call.params.get('capabilities')
        if not isinstance(capabilities, list) or not capabilities:
            raise bad_request('capabilities has none')
        bucket = self._existing_bucket(call) if call.params.get('bucketId') else None
        prefix = call.text('namePrefix', '') or None
        for capability in capabilities:
            if capability not in ALL_CAPABILITIES:
                raise bad_request(f'Unknown capability: {capability}')
            if bucket and capability in ACCOUNT_WIDE:
                raise bad_request(f'A key that is restricted to a bucket cannot have the capability {capability}')
        if prefix and not bucket:
            raise bad_request('A key that is restricted to a namePrefix must be restricted to a bucketId')
        valid = call.number('validDurationInSeconds', 0, self._store.MAX_DURATION_IN_SECONDS - 1, least=0)
        return self._store.create_key(
            self._store.API_URL, call.token, token.key.account_id, capabilities, call.text('keyName'), valid or None,
            bucket and bucket.bucket_id, prefix,
        )  # fmt: skip

    def b2_delete_key(self, call, token):
        key = self._store.key_id_to_key.get(call.text('applicationKeyId'))
        if key is None or key.account_id != token.key.account_id or key not in self._store.all_application_keys:
            raise bad_request(f'Application key does not exist: {call.text("applicationKeyId")}')
        self._store.all_application_keys.remove(key)
        # What was handed out to its holders ends with it.
        self._tokens = {text: t for text, t in self._tokens.items() if t.key is not key}
        self._uploads = {text: u for text, u in self._uploads.items() if u.token.key is not key}
        return self._store.delete_key(self._store.API_URL, call.token, key.application_key_id)

    def b2_list_keys(self, call, token):
        start, count = call.text('startApplicationKeyId', ''), call.number('maxKeyCount', 100, MAX_KEYS)
        keys = sorted(
            (k for k in self._store.all_application_keys if k.account_id == token.key.account_id),
            key=lambda k: k.application_key_id,
        )
        keys = [k for k in keys if k.application_key_id >= start]
        following = keys[count].application_key_id if len(keys) > count else None
        return {'keys': [k.as_key() for k in keys[:count]], 'nextApplicationKeyId': following}

    # Buckets.

    def b2_create_bucket(self, call, token):
        call.refuse_unknown('fileLockEnabled', 'replicationConfiguration')
        rules.check_bucket_name(call.text('bucketName'))
        if call.text('bucketType') not in ('allPrivate', 'allPublic'):
            raise bad_request(f'bucketType {call.text("bucketType")} is not simulated')
        return self._store.create_bucket(
            self._store.API_URL, call.token, token.key.account_id, call.text('bucketName'), call.text('bucketType'),
            call.object('bucketInfo'), call.params.get('corsRules'), call.params.get('lifecycleRules'),
            encryption_of(call.object('defaultServerSideEncryption')),
        )  # fmt: skip

    def b2_delete_bucket(self, call, token):
        bucket = self._existing_bucket(call)
        if bucket.file_id_to_file:
            raise Refused(400, 'cannot_delete_non_empty_bucket', 'The bucket is not empty')
        return self._store.delete_bucket(self._store.API_URL, call.token, token.key.account_id, bucket.bucket_id)

    def b2_list_buckets(self, call, token):
        # A key that is restricted to a bucket must name it, which _account_token has checked.
        wanted = {'bucket_id': call.text('bucketId', ''), 'bucket_name': call.text('bucketName', '')}
        types = call.params.get('bucketTypes') or ['all']
        buckets = [
            bucket.bucket_dict(call.token)
            for _, bucket in sorted(self._store.bucket_name_to_bucket.items())
            if bucket.account_id == token.key.account_id
            and all(value in ('', getattr(bucket, name)) for name, value in wanted.items())
            and ('all' in types or bucket.bucket_type in types)
        ]
        return {'buckets': buckets}

    def b2_update_bucket(self, call, token):
        call.refuse_unknown('fileLockEnabled', 'replicationConfiguration', 'defaultRetention')
        bucket = self._existing_bucket(call)
        if call.text('bucketType', bucket.bucket_type) not in ('allPrivate', 'allPublic'):
            raise bad_request(f'bucketType {call.text("bucketType")} is not simulated')
        bucket._update_bucket(
            call.params.get('bucketType'), call.params.get('bucketInfo'), call.params.get('corsRules'),
            call.params.get('lifecycleRules'), call.params.get('ifRevisionIs'),
            encryption_of(call.object('defaultServerSideEncryption')),
        )  # fmt: skip
        return bucket.bucket_dict(call.token)

    # Files.

    def b2_get_upload_url(self, call, token):
        bucket = self._existing_bucket(call)
        simulated = bucket.get_upload_url(call.token)['uploadUrl']
        upload, url = self._hand_out(call, UploadToken(token, bucket, simulated), 'b2_upload_file', bucket.bucket_id)
        return {'bucketId': bucket.bucket_id, 'uploadUrl': url, 'authorizationToken': upload}

    def b2_get_upload_part_url(self, call, token):
        file = self._unfinished(call)
        simulated = file.bucket.get_upload_part_url(call.token, file.file_id)['uploadUrl']
        upload, url = self._hand_out(
            call, UploadToken(token, file.bucket, simulated, file.file_id), 'b2_upload_part', file.file_id
        )
        return {'fileId': file.file_id, 'uploadUrl': url, 'authorizationToken': upload}

    def _hand_out(self, call, upload, name, target):
        text = 'upload_' + secrets.token_urlsafe(24)
        upload.path = f'/b2api/v{call.version}/{name}/{target}/c001_v{secrets.randbelow(10**7):07}_t0000'
        self._uploads[text] = upload
        return text, call.url + upload.path

    def b2_upload_file(self, call, upload, body):
        headers = call.headers
        name = rules.decode(headers.get('X-Bz-File-Name', ''), 'X-Bz-File-Name')
        rules.check_file_name(name, self._relaxed_names)
        self._check_restrictions(upload.token.key, upload.bucket, name)
        if not headers.get('Content-Type'):
            raise bad_request('b2_upload_file needs Content-Type')
        info = {
            header[len('X-Bz-Info-') :]: rules.decode(value, header)
            for header, value in headers.items()
            if header.lower().startswith('x-bz-info-')
        }
        encryption = None
        if algorithm := headers.get('X-Bz-Server-Side-Encryption'):
            encryption = encryption_of({'mode': 'SSE-B2', 'algorithm': algorithm})
        if headers.get('X-Bz-Server-Side-Encryption-Customer-Algorithm'):
            raise bad_request('SSE-C is not simulated')
        info = self._info(name, info, encryption, upload.bucket)
        body, sha1, verified = checksum(headers, body)
        answer = self._store.upload_file(
            upload.simulated, upload.simulated, name, len(body), content_type(headers['Content-Type']), sha1, info,
            io.BytesIO(body), encryption,
        )  # fmt: skip
        if verified:
            return answer
        file = self._store.file(answer['fileId'])
        file.content_sha1 = 'unverified:' + sha1
        return file.as_upload_result(upload.simulated)

    def b2_list_file_names(self, call, token):
        bucket = self._existing_bucket(call)
        prefix = call.text('prefix', '')
        found = bucket.names(max(call.text('startFileName', ''), prefix))
        files, following = self._list(call, bucket, found, prefix)
        return {'files': files, 'nextFileName': following and name_of(following[0])}

    def b2_list_file_versions(self, call, token):
        bucket = self._existing_bucket(call)
        prefix, start, start_id = call.text('prefix', ''), call.text('startFileName', ''), call.text('startFileId', '')
        if start_id and not start:
            raise bad_request('startFileId needs startFileName')
        found = bucket.versions(start, start_id) if start >= prefix else bucket.versions(prefix, '')
        files, following = self._list(call, bucket, found, prefix)
        answer = {'files': files, 'nextFileName': None, 'nextFileId': None}
        if following:
            entry, _ = following
            answer |= {'nextFileName': name_of(entry), 'nextFileId': getattr(entry, 'file_id', None)}
        return answer

    def _list(self, call, bucket, found, prefix):
        count = call.number('maxFileCount', 100, MAX_FILES)
        entries, following = page(found, prefix, call.text('delimiter', ''), count)
        call.billed = max(1, -(-len(entries) // BILLED_FILES))
        files = [folder(bucket, e) if isinstance(e, str) else e.as_list_files_dict(call.token) for e in entries]
        return files, following

    def b2_get_file_info(self, call, token):
        return self._existing_file(call).as_list_files_dict(call.token)

    def b2_hide_file(self, call, token):
        bucket, name = self._existing_bucket(call), self._file_name(call)
        newest = bucket.newest(name)
        if newest is None:
            raise Refused(400, 'no_such_file', f'File not present: {name}')
        if newest.action == 'hide':
            raise Refused(400, 'already_hidden', f'File already hidden: {name}')
        answer = self._store.hide_file(self._store.API_URL, call.token, bucket.bucket_id, name)
        marker = self._store.file(answer['fileId'])
        marker.content_type, marker.content_sha1 = 'application/x-bz-hide-marker', None
        return marker.as_list_files_dict(call.token)

    def b2_delete_file_version(self, call, token):
        name, file_id = call.text('fileName'), call.text('fileId')
        file = self._store.file(file_id)
        if file is None or file.name != name:
            raise Refused(400, 'file_not_present', f'File not present: {name} {file_id}')
        file.bucket.delete_file_version(file_id, name)
        return {'fileId': file_id, 'fileName': name}

    def b2_copy_file(self, call, token):
        source, name = self._readable_source(call, token), self._file_name(call)
        bucket = self._existing_bucket(call, 'destinationBucketId') if call.params.get('destinationBucketId') else source.bucket
        call.refuse_unknown('sourceServerSideEncryption')
        encryption = encryption_of(call.object('destinationServerSideEncryption'))
        directive = call.text('metadataDirective', 'COPY')
        if directive not in MetadataDirectiveMode.__members__:
            raise bad_request(f'metadataDirective is {directive}, it can be COPY or REPLACE')
        info = call.object('fileInfo')
        if directive == 'REPLACE':
            info = self._info(name, info, encryption, bucket)
        else:
            rules.check_info(name, source.file_info, encrypted=False)
        answer = self._store.copy_file(
            self._store.API_URL, call.token, source.file_id, name, source_range(call, source), MetadataDirectiveMode[directive],
            call.params.get('contentType'), info or None, bucket.bucket_id, encryption,
        )  # fmt: skip
        self._store.file_id_to_bucket_id[answer['fileId']] = bucket.bucket_id
        # The simulator keeps the source's info where it is replaced by none, and shares it where it is copied.
        answer['fileInfo'] = dict(info if directive == 'REPLACE' else source.file_info)
        self._store.file(answer['fileId']).file_info = answer['fileInfo']
        return answer

    def b2_get_download_authorization(self, call, token):
        bucket = self._existing_bucket(call)
        valid = call.number('validDurationInSeconds', None, MAX_DOWNLOAD_AUTHORIZATION)
        answer = self._store.get_download_authorization(
            self._store.API_URL, call.token, bucket.bucket_id, call.text('fileNamePrefix', ''), valid
        )
        answer['authorizationToken'] = text = 'download_' + secrets.token_urlsafe(24)
        overrides = {p: call.params[p] for p in rules.OVERRIDES if call.params.get(p)}
        self._downloads[text] = DownloadToken(bucket, answer['fileNamePrefix'], time.time() + valid, overrides)
        return answer

    # Large files.

    def b2_start_large_file(self, call, token):
        bucket, name = self._existing_bucket(call), self._file_name(call)
        call.refuse_unknown('fileRetention', 'legalHold', 'customUploadTimestamp')
        encryption = encryption_of(call.object('serverSideEncryption'))
        info = self._info(name, call.object('fileInfo'), encryption, bucket)
        answer = self._store.start_large_file(
            self._store.API_URL, call.token, bucket.bucket_id, name, content_type(call.text('contentType')), info, encryption
        )
        return answer | {'action': 'start', 'contentLength': 0, 'contentSha1': None}

    def b2_upload_part(self, call, upload, body):
        file = self._store.file(upload.file_id)
        if file is None or file.action != 'start':
            raise bad_request(f'No active upload for: {upload.file_id}')
        number = part_number(call.headers.get('X-Bz-Part-Number', ''))
        if not body:
            raise bad_request('A part has at least one byte')
        body, sha1, verified = checksum(call.headers, body)
        answer = self._store.upload_part(upload.simulated, upload.simulated, number, len(body), sha1, io.BytesIO(body))
        if not verified:
            file.parts[number].content_sha1 = answer['contentSha1'] = 'unverified:' + sha1
        return answer

    def b2_copy_part(self, call, token):
        source, file = self._readable_source(call, token), self._unfinished(call, 'largeFileId')
        call.refuse_unknown('sourceServerSideEncryption', 'destinationServerSideEncryption')
        content = get_bytes_range(source.data_bytes, source_range(call, source))
        sha1 = hashlib.sha1(content).hexdigest()
        number = part_number(call.params.get('partNumber'))
        return file.bucket.upload_part(file.file_id, number, len(content), sha1, io.BytesIO(content))

    def _readable_source(self, call, token):
        source = self._existing_file(call, 'sourceFileId')
        if source.action != 'upload':
            raise bad_request(f'The source is not a file: {source.file_id}')
        self._check_restrictions(token.key, source.bucket, source.name)
        if source.bucket.bucket_type != 'allPublic' and 'readFiles' not in token.key.capabilities:
            raise unauthorized('The application key has no capability readFiles')
        return source

    def b2_finish_large_file(self, call, token):
        file, sha1s = self._unfinished(call), call.params.get('partSha1Array')
        if not isinstance(sha1s, list) or not sha1s:
            raise bad_request('partSha1Array has no part')
        parts = [part for part in file.parts if part is not None]
        for number, part in enumerate(parts[:-1], 1):
            if part.content_length < self._min_part_size:
                raise bad_request(f'Part number {number} is smaller than {self._min_part_size} bytes')
        if not parts:
            raise bad_request('No part was uploaded')
        answer = self._store.finish_large_file(self._store.API_URL, call.token, file.file_id, sha1s)
        file.parts = []  # they hold the content a second time
        return answer

    def b2_cancel_large_file(self, call, token):
        file = self._unfinished(call)
        return file.bucket.cancel_large_file(file.file_id)

    def b2_list_parts(self, call, token):
        file = self._unfinished(call)
        start = call.number('startPartNumber', 1, MAX_PART_NUMBER)
        return file.list_parts(start, call.number('maxPartCount', 100, MAX_PARTS))

    def b2_list_unfinished_large_files(self, call, token):
        bucket = self._existing_bucket(call)
        count = call.number('maxFileCount', 100, MAX_UNFINISHED)
        answer = bucket.list_unfinished_large_files(
            call.token, call.text('startFileId', ''), count + 1, call.text('namePrefix', '')
        )
        files = [file | {'action': 'start', 'contentLength': 0, 'contentSha1': None} for file in answer['files']]
        return {'files': files[:count], 'nextFileId': files[count]['fileId'] if len(files) > count else None}


def unauthorized(message):
    return Refused(401, 'unauthorized', message)


@contextmanager
def refusing():
    """Turns what the simulator raises into answers."""
    try:
        yield
    except Refused:
        raise
    except exception.DuplicateBucketName as e:
        raise Refused(400, 'duplicate_bucket_name', str(e)) from e
    except exception.Conflict as e:
        raise Refused(409, 'conflict', str(e)) from e
    except exception.BadJson as e:
        raise Refused(400, 'bad_json', str(e)) from e
    except (exception.FileSha1Mismatch, exception.PartSha1Mismatch) as e:
        raise bad_request('Checksum did not match data received') from e
    except exception.B2Error as e:
        raise bad_request(str(e)) from e
    except Exception as e:
        traceback.print_exc()
        raise Refused(500, 'internal_error', f'the simulator failed: {e!r}') from e


def name_of(entry):
    return entry if isinstance(entry, str) else entry.name


def folder(bucket, name):
    return {
        'accountId': bucket.account_id, 'action': 'folder', 'bucketId': bucket.bucket_id, 'contentLength': 0,
        'contentSha1': None, 'contentType': None, 'fileId': None, 'fileInfo': {}, 'fileName': name, 'uploadTimestamp': 0,
    }  # fmt: skip


def checksum(headers, body):
    """Returns the content of an upload's body, its SHA-1, and whether that is the client's."""
    sha1 = headers.get('X-Bz-Content-Sha1', '')
    if sha1 == 'do_not_verify':
        return body, hashlib.sha1(body).hexdigest(), False
    if sha1 == 'hex_digits_at_end':
        body, sha1 = body[:-40], body[-40:].decode('latin-1')
    sha1 = sha1.lower()
    if not rules.SHA1.fullmatch(sha1):
        raise bad_request('X-Bz-Content-Sha1 is not 40 hex digits, hex_digits_at_end with 40 in the end, or do_not_verify')
    return body, sha1, True


def content_type(given):
    return 'application/octet-stream' if given == 'b2/x-auto' else given


def part_number(given):
    if str(given).isdecimal() and 1 <= int(given) <= MAX_PART_NUMBER:
        return int(given)
    raise bad_request(f'The part number is {given!r}, it can be 1 to {MAX_PART_NUMBER}')


def source_range(call, source):
    given = call.text('range', '')
    span = rules.parse_range(given, len(source.data_bytes))
    if given and span is None:
        raise bad_request(f'{given} is not a range')
    return span


def encryption_of(given):
    """The simulator's setting, or None for the bucket's."""
    if not given:
        return None
    if given.get('mode') != 'SSE-B2' or given.get('algorithm') != 'AES256':
        raise bad_request('of server-side encryption, SSE-B2 with AES256 alone is simulated')
    return EncryptionSetting(EncryptionMode.SSE_B2, EncryptionAlgorithm.AES256)
