"""The calls of the B2 Native API, versions 2 and 3, on the simulator."""

import hashlib
import io
import time
import traceback
from contextlib import contextmanager

from b2sdk import exception
from b2sdk.encryption.setting import EncryptionSetting
from b2sdk.encryption.types import EncryptionAlgorithm, EncryptionMode
from b2sdk.raw_api import ALL_CAPABILITIES, MetadataDirectiveMode
from b2sdk.raw_simulator import get_bytes_range

import rules
from access import DownloadToken, UploadToken, key_expired, unauthorized
from rules import Refused, bad_request
from store import page

# What a key that is restricted to a bucket cannot have (b2_create_key).
ACCOUNT_WIDE = {'listKeys', 'writeKeys', 'deleteKeys', 'writeBuckets', 'deleteBuckets'}

RECOMMENDED_PART_SIZE = 100_000_000
MAX_PART_NUMBER = 10_000
MAX_DOWNLOAD_AUTHORIZATION = 604_800  # seconds

# The most entries of a listing (the pages of the calls), and how many of them are billed as one call.
MAX_FILES, MAX_UNFINISHED, MAX_PARTS, MAX_KEYS = 10_000, 100, 1_000, 10_000
BILLED_FILES = 1_000

# What the simulator leaves out of a file that is started.
STARTED = {'action': 'start', 'contentLength': 0, 'contentSha1': 'none'}


class Api:
    def __init__(self, store, access, min_part_size):
        self._store = store
        self._access = access
        self._min_part_size = min_part_size

    def perform(self, call):
        """Makes a call that has JSON as its answer, and returns that."""
        with self._access.lock, refusing():
            if call.name == 'b2_authorize_account':
                return self.b2_authorize_account(call)
            token = self._access.account_token(call)
            return getattr(self, call.name)(call, token)

    def upload(self, call, upload, body):
        with self._access.lock, refusing():
            if call.name == 'b2_upload_file':
                return self.b2_upload_file(call, upload, body)
            return self.b2_upload_part(call, upload, body)

    def download(self, call):
        """Returns the headers, the content, and the range of it that is asked for, or None."""
        with self._access.lock, refusing():
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
            overrides = self._access.may_download(call, bucket, name)
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

    def relax(self, name):
        """Relaxes the rules for the names of the files of a bucket."""
        with self._access.lock:
            bucket = self._store.bucket_name_to_bucket.get(name)
            if bucket is None:
                raise bad_request(f'There is no bucket {name}')
            bucket.relaxed = True

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

    def _info(self, name, info, encryption, bucket):
        info = {key.lower(): value for key, value in info.items()}
        encryption = encryption or bucket.default_server_side_encryption
        rules.check_info(name, info, encrypted=encryption.mode is EncryptionMode.SSE_B2)
        return info

    # Authorization and keys.

    def b2_authorize_account(self, call):
        try:
            answer = self._store.authorize_account('production', call.params['keyId'], call.params['key'])
        except exception.InvalidAuthToken:
            answer = None
        if answer is None or key_expired(self._store.key_id_to_key[call.params['keyId']]):
            raise unauthorized('The application key or its id is wrong')
        # The simulator's token can be guessed, so it knows the key by another.
        key = self._store.auth_token_to_key.pop(answer['authorizationToken'])
        token = self._access.hand_out(key)
        self._store.auth_token_to_key[token] = key
        self._store.current_token = token
        allowed = {n: answer['allowed'].get(n) for n in ('bucketId', 'bucketName', 'capabilities', 'namePrefix')}
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
        )

    def b2_delete_key(self, call, token):
        key = self._store.key_id_to_key.get(call.text('applicationKeyId'))
        if key is None or key.account_id != token.key.account_id or key not in self._store.all_application_keys:
            raise bad_request(f'Application key does not exist: {call.text("applicationKeyId")}')
        self._store.all_application_keys.remove(key)
        self._access.forget(key)
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
        )

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
        )
        return bucket.bucket_dict(call.token)

    # Files.

    def b2_get_upload_url(self, call, token):
        bucket = self._existing_bucket(call)
        simulated = bucket.get_upload_url(call.token)['uploadUrl']
        upload, url = self._access.hand_out_upload(call, UploadToken(token, bucket, simulated))
        return {'bucketId': bucket.bucket_id, 'uploadUrl': url, 'authorizationToken': upload}

    def b2_get_upload_part_url(self, call, token):
        file = self._unfinished(call)
        simulated = file.bucket.get_upload_part_url(call.token, file.file_id)['uploadUrl']
        upload, url = self._access.hand_out_upload(call, UploadToken(token, file.bucket, simulated, file.file_id))
        return {'fileId': file.file_id, 'uploadUrl': url, 'authorizationToken': upload}

    def b2_upload_file(self, call, upload, body):
        headers = call.headers
        name = rules.decode(headers.get('X-Bz-File-Name', ''), 'X-Bz-File-Name')
        rules.check_file_name(name, upload.bucket.relaxed)
        self._access.check_restrictions(upload.token.key, upload.bucket, name)
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
        )
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
        return {'files': files, 'nextFileName': following and name_of(following)}

    def b2_list_file_versions(self, call, token):
        bucket = self._existing_bucket(call)
        prefix, start, start_id = call.text('prefix', ''), call.text('startFileName', ''), call.text('startFileId', '')
        if start_id and not start:
            raise bad_request('startFileId needs startFileName')
        found = bucket.versions(start, start_id) if start >= prefix else bucket.versions(prefix, '')
        files, following = self._list(call, bucket, found, prefix)
        following_id = getattr(following, 'file_id', None)  # a folder has none
        return {'files': files, 'nextFileName': following and name_of(following), 'nextFileId': following_id}

    def _list(self, call, bucket, found, prefix):
        count = call.number('maxFileCount', 100, MAX_FILES)
        entries, following = page(found, prefix, call.text('delimiter', ''), count)
        call.billed = max(1, -(-len(entries) // BILLED_FILES))
        files = [folder(bucket, e) if isinstance(e, str) else e.as_list_files_dict(call.token) for e in entries]
        return files, following

    def b2_get_file_info(self, call, token):
        return self._existing_file(call).as_list_files_dict(call.token)

    def b2_hide_file(self, call, token):
        bucket = self._existing_bucket(call)
        name = file_name(call, bucket)
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
        source = self._readable_source(call, token)
        bucket = source.bucket
        if call.params.get('destinationBucketId'):
            bucket = self._existing_bucket(call, 'destinationBucketId')
        name = file_name(call, bucket)
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
            self._store.API_URL, call.token, source.file_id, name, source_range(call, source),
            MetadataDirectiveMode[directive], call.params.get('contentType'), info or None, bucket.bucket_id,
            encryption,
        )
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
        overrides = {p: call.params[p] for p in rules.OVERRIDES if call.params.get(p)}
        token = DownloadToken(bucket, answer['fileNamePrefix'], time.time() + valid, overrides)
        return answer | {'authorizationToken': self._access.hand_out_download(token)}

    # Large files.

    def b2_start_large_file(self, call, token):
        bucket = self._existing_bucket(call)
        name = file_name(call, bucket)
        call.refuse_unknown('fileRetention', 'legalHold', 'customUploadTimestamp')
        encryption = encryption_of(call.object('serverSideEncryption'))
        info = self._info(name, call.object('fileInfo'), encryption, bucket)
        answer = self._store.start_large_file(
            self._store.API_URL, call.token, bucket.bucket_id, name, content_type(call.text('contentType')), info,
            encryption,
        )
        return answer | STARTED

    def b2_upload_part(self, call, upload, body):
        file = self._store.file(upload.file_id)
        if file is None or file.action != 'start':
            raise bad_request(f'No active upload for: {upload.file_id}')
        number = part_number(call.headers.get('X-Bz-Part-Number', ''))
        if not body:
            raise bad_request('A part has at least one byte')
        body, sha1, _ = checksum(call.headers, body)
        return self._store.upload_part(upload.simulated, upload.simulated, number, len(body), sha1, io.BytesIO(body))

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
        self._access.check_restrictions(token.key, source.bucket, source.name)
        if source.bucket.bucket_type != 'allPublic' and 'readFiles' not in token.key.capabilities:
            raise unauthorized('The application key has no capability readFiles')
        return source

    def b2_finish_large_file(self, call, token):
        file, sha1s = self._unfinished(call), call.params.get('partSha1Array')
        if not isinstance(sha1s, list) or not sha1s:
            raise bad_request('partSha1Array has no part')
        parts = [part for part in file.parts if part is not None]
        for part in parts[:-1]:
            if part.content_length < self._min_part_size:
                raise bad_request(f'Part number {part.part_number} is smaller than {self._min_part_size} bytes')
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
        files = [file | STARTED for file in answer['files']]
        return {'files': files[:count], 'nextFileId': files[count]['fileId'] if len(files) > count else None}


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
    except UnicodeEncodeError as e:
        raise bad_request(f'A string is no Unicode text: {e}') from e
    except Exception as e:
        traceback.print_exc()
        raise Refused(500, 'internal_error', f'the simulator failed: {e!r}') from e


def file_name(call, bucket):
    name = call.text('fileName', '')
    rules.check_file_name(name, bucket.relaxed)
    return name


def name_of(entry):
    return entry if isinstance(entry, str) else entry.name


def folder(bucket, name):
    return {
        'accountId': bucket.account_id, 'bucketId': bucket.bucket_id, 'action': 'folder', 'fileName': name,
        'fileId': None, 'fileInfo': {}, 'contentLength': 0, 'contentSha1': None, 'contentType': None,
        'uploadTimestamp': 0,
    }


def checksum(headers, body):
    """Returns the content of an upload's body, its SHA-1, and whether that is the client's."""
    sha1 = headers.get('X-Bz-Content-Sha1', '')
    if sha1 == 'do_not_verify':
        return body, hashlib.sha1(body).hexdigest(), False
    if sha1 == 'hex_digits_at_end':
        body, sha1 = body[:-40], body[-40:].decode('latin-1')
    sha1 = sha1.lower()
    if not rules.SHA1.fullmatch(sha1):
        raise bad_request('X-Bz-Content-Sha1 can be 40 hex digits, hex_digits_at_end with 40 there, or do_not_verify')
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
