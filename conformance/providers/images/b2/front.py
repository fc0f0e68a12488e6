#!/usr/bin/python3
"""Serves Backblaze's own simulator of B2 (b2sdk.raw_simulator of Debian's python3-b2sdk) by HTTP, and fails if told to.

    /usr/bin/python3 front.py [--address 127.0.0.1] [--port 8823] [--min-part-size 5000000]

It speaks versions 2 and 3 of the B2 Native API. There are two accounts: account-0 with the master key masterKey-0, and
account-1 with masterKey-1. What is stored ends with the process. The file api.py has the calls, access.py who may make
them, rules.py the limits of names and info, store.py what is corrected in the simulator, faults.py the faults and the
counts. Tests steer it by these requests, whose bodies are JSON:

    POST /_faults    adds a fault; an unknown field is an error
    GET /_faults     the faults that have not happened yet
    DELETE /_faults  forgets them
    GET /_calls      what was counted, with ?bucket=NAME and ?key=ID for what concerns one bucket, one key
    DELETE /_calls   counts from 0 again
    POST /_expire    {"tokens": "account" or "upload", "key": ID}: the tokens of that kind, of one key or without key of
                     all, that were handed out answer 401 expired_auth_token from now on
    POST /_relax     {"bucket": NAME}: from now on, the names of its files may have what only some of Backblaze's pages
                     forbid: backslashes, segments of any length, and / at the ends or doubled
    GET /_about      the version of b2sdk, and the smallest size of a part

A fault happens to the next calls that match it. Each call takes at most one, the first that was added:

    call          the name of the call, such as b2_download_file_by_name, or * for all
    bucket, key   the name of the bucket that the call is about, and the id of the application key that it is made with;
                  without them, any
    times, skip   to how many calls, 1 by default, after how many that it lets pass
    do            what happens:
      answer      the call is not made. The answer is an error of status (503), code (a usual one) and message, with
                  Retry-After: retryAfter in seconds, or retryDate as a date so many seconds from now. body, as of a
                  gateway, takes the place of the JSON
      drop        the call is not made, and the connection is reset after so many bytes of the body were read
      lose        the call is made, and the connection is reset in place of an answer
      cut         the connection is reset after so many bytes of the answer's body
      corrupt     one bit of the byte after so many of the answer's body is flipped
      slow        the call is made delay seconds late, and both bodies are moved at rate bytes per second
    after         how many bytes, of drop, cut and corrupt; 0 by default

An upload URL is not accepted any more after an answer of 401, 408 or 5xx that a fault made, or a reset: Backblaze tells
clients to take a new one ("Upload Files with the Native API").

What is counted: calls, by name; transactions, by the class that they are billed in, where a listing is billed for each
thousand of files; answers, by status, and "reset"; uploadUrls, how often one was "shared" with an upload that was under
way, and how often one that is not known, or not any more, was "refused".
"""

import argparse
import base64
import binascii
import email.utils
import json
import re
import socket
import struct
import sys
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

sys.dont_write_bytecode = True  # beside the sources

import b2sdk.version

import rules
from access import Access
from api import Api
from calls import CALLS, DOWNLOADS, UPLOADS, Call
from faults import Fault, Faults, Log
from rules import Refused, bad_request
from store import Store

PIECE = 64 << 10  # how much is read at a time of a body that nobody needs


class Reset(Exception):
    """The connection is to be broken off."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address, min_part_size):
        super().__init__(address, Handler)
        self.min_part_size = min_part_size
        self.log = Log()
        self.faults = Faults()
        store = Store()
        self.access = Access(store, self.log)
        self.api = Api(store, self.access, min_part_size)

    def shutdown_request(self, request):
        self.close_request(request)  # without the orderly end of a connection that is to be reset

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.body_left = 0
        try:
            try:
                self.body_left = self._content_length()
                path = urlsplit(self.path).path
                if path.startswith('/_'):
                    self._control(path)
                else:
                    self._call(path)
            except Refused as e:
                self._send(refusal(e))
        except Reset:
            self._reset()

    do_HEAD = do_POST = do_DELETE = do_GET

    # Calls.

    def _call(self, path):
        call = self._parse(path)
        server = self.server
        server.access.locate(call)
        fault = server.faults.take(call.name, call.key, call.bucket)
        outcome = 'reset'
        try:
            answer = self._perform(call, fault)
            outcome = str(answer.status)
        except Refused as e:
            answer = refusal(e)
            outcome = str(answer.status)
        finally:
            # Before the client can know.
            server.log.add(call.key, call.bucket, 'calls', call.name)
            server.log.add(call.key, call.bucket, 'transactions', CALLS[call.name][0], call.billed)
            server.log.add(call.key, call.bucket, 'answers', outcome)
        self._send(answer)

    def _perform(self, call, fault):
        """Makes the call, unless the fault is in the way, and returns the answer."""
        does = fault.do if fault else ''
        pace = fault.rate if does == 'slow' else 0
        if does == 'answer':
            if fault.status in (401, 408) or fault.status >= 500:
                self.server.access.retire(call)
            return scripted(fault)
        if does == 'drop':
            self._read(min(fault.after, self.body_left))
            self.server.access.retire(call)
            raise Reset
        if does == 'slow':
            time.sleep(fault.delay)

        if call.name in UPLOADS:
            answer = Answer(200, {}, self._upload(call, pace))
        elif call.name in DOWNLOADS:
            headers, content, span = self.server.api.download(call)
            answer = Answer(200, headers, memoryview(content))
            if span:
                answer.status, answer.content = 206, answer.content[span[0] : span[1] + 1]
        else:
            answer = Answer(200, {}, to_json(self.server.api.perform(call)))

        answer.pace = pace
        if does == 'lose':
            self.server.access.retire(call)
            raise Reset
        if does == 'cut':
            answer.cut = fault.after
        if does == 'corrupt' and fault.after < len(answer.content):
            answer.content = bytearray(answer.content)
            answer.content[fault.after] ^= 1
        return answer

    def _parse(self, path):
        """The call that the request is. Its JSON is read, the body of an upload is not."""
        headers = Headers(self.headers.items())
        token = self.headers.get('Authorization', '')
        url = f'http://{self.headers.get("Host", "")}'
        query = dict(parse_qsl(urlsplit(self.path).query))
        if path.startswith('/file/') and self.command in ('GET', 'HEAD'):
            bucket, _, name = path.removeprefix('/file/').partition('/')
            query |= {'bucketName': unquote(bucket), 'fileName': rules.decode(name, 'The path')}
            token = token or query.get('Authorization', '')
            return Call('b2_download_file_by_name', 3, token, query, headers, url)
        found = re.match(r'/b2api/v(\d+)/(b2_\w+)(/.*)?$', path)
        if not found or found[2] not in CALLS or found[2] == 'b2_download_file_by_name':
            raise Refused(404, 'not_found', f'There is no {path} here')
        version, name, rest = int(found[1]), found[2], found[3]
        if version not in (2, 3):
            raise bad_request(f'Version {version} of the API is not simulated, 2 and 3 are')
        if name in UPLOADS:
            if self.command != 'POST':
                raise Refused(405, 'method_not_allowed', f'{name} is a POST')
            return Call(name, version, token, {'path': path}, headers, url)
        if rest:
            raise Refused(404, 'not_found', f'There is no {path} here')
        params = query
        if self.command == 'POST':
            params = self._json()
        if name in DOWNLOADS:
            token = token or params.get('Authorization', '')
        if name == 'b2_authorize_account':
            key_id, key = basic(token)
            params, token = {'keyId': key_id, 'key': key}, ''
        return Call(name, version, token, params, headers, url)

    def _upload(self, call, pace):
        if 'Content-Length' not in self.headers:
            raise bad_request(f'{call.name} needs Content-Length')
        with self.server.access.uploading(call) as upload:
            return to_json(self.server.api.upload(call, upload, self._read(self.body_left, pace)))

    # Steering.

    def _control(self, path):
        server = self.server
        query = dict(parse_qsl(urlsplit(self.path).query))
        answer = {}
        match self.command, path:
            case 'POST', '/_faults':
                server.faults.add(Fault.parse(self._json()))
            case 'GET', '/_faults':
                answer = {'faults': server.faults.pending()}
            case 'DELETE', '/_faults':
                server.faults.clear()
            case 'GET', '/_calls':
                answer = server.log.read(query.get('key', ''), query.get('bucket', ''))
            case 'DELETE', '/_calls':
                server.log.clear()
            case 'POST', '/_expire':
                given = self._json()
                answer = {'expired': server.access.expire(given.get('tokens'), given.get('key', ''))}
            case 'POST', '/_relax':
                server.api.relax(self._json().get('bucket'))
            case 'GET', '/_about':
                answer = {'b2sdk': b2sdk.version.VERSION, 'minPartSize': server.min_part_size}
            case _:
                raise Refused(404, 'not_found', f'There is no {self.command} {path} here')
        self._send(Answer(200, {}, to_json(answer)))

    # Bodies and answers.

    def _content_length(self):
        given = self.headers.get('Content-Length', '0')
        if self.headers.get('Transfer-Encoding') or not given.isdecimal():
            self.close_connection = True  # nobody knows where the body ends
            raise bad_request('Content-Length is needed')
        return int(given)

    def _read(self, size, pace=0):
        pieces, left = [], size
        while left > 0:
            piece = self.rfile.read(min(left, step(pace)))
            if not piece:
                raise Reset  # the client has gone
            left -= len(piece)
            self.body_left -= len(piece)
            pieces.append(piece)
            wait(len(piece), pace)
        return pieces[0] if len(pieces) == 1 else b''.join(pieces)

    def _json(self):
        try:
            given = json.loads(self._read(self.body_left) or b'{}')
        except ValueError:
            given = None
        if not isinstance(given, dict):
            raise Refused(400, 'bad_json', 'The body is not a JSON object')
        return given

    def _drain(self):
        """Reads what is left of the body, so that the client gets to read the answer."""
        while self.body_left > 0:
            self._read(min(self.body_left, PIECE))

    def _send(self, answer):
        self._drain()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(answer.content)))
        self.end_headers()
        if self.command != 'HEAD':
            content = answer.content if answer.cut is None else answer.content[: answer.cut]
            for at in range(0, len(content), step(answer.pace)):
                piece = content[at : at + step(answer.pace)]
                self.wfile.write(piece)
                wait(len(piece), answer.pace)
        if answer.cut is not None:
            raise Reset

    def _reset(self):
        """Breaks the connection off: what was not sent is lost, and the client is told so (SO_LINGER of 0 seconds)."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.close_connection = True


@dataclass
class Answer:
    status: int
    headers: dict
    content: bytes  # or a memoryview of them
    pace: int = 0  # bytes per second, or 0
    cut: int | None = None  # how many bytes of the content are sent before the connection is reset

    def __post_init__(self):
        self.headers = {'Content-Type': 'application/json;charset=UTF-8'} | self.headers


def refusal(refused):
    error = {'status': refused.status, 'code': refused.code, 'message': refused.message}
    return Answer(refused.status, refused.headers, to_json(error))


def scripted(fault):
    """The answer that a fault says."""
    headers = {}
    if fault.retryAfter >= 0:
        headers['Retry-After'] = str(fault.retryAfter)
    elif fault.retryDate >= 0:
        headers['Retry-After'] = email.utils.formatdate(time.time() + fault.retryDate, usegmt=True)
    if fault.body:
        return Answer(fault.status, headers | {'Content-Type': 'text/html'}, fault.body.encode())
    error = {'status': fault.status, 'code': fault.code, 'message': fault.message}
    return Answer(fault.status, headers, to_json(error))


class Headers(dict):
    """Headers, whose names are found in any case."""

    def __init__(self, headers):
        super().__init__(headers)
        self._names = {name.lower(): name for name in self}

    def get(self, name, default=None):
        return super().get(self._names.get(name.lower()), default)


def step(pace):
    """How much to move at a time: all at once unless the pace matters, then a tenth of a second's worth."""
    return max(1, pace // 10) if pace else 1 << 62


def wait(size, pace):
    if pace:
        time.sleep(size / pace)


def basic(header):
    """The id and the key of an Authorization header."""
    try:
        scheme, _, encoded = header.partition(' ')
        key_id, colon, key = base64.b64decode(encoded, validate=True).decode().partition(':')
    except (binascii.Error, UnicodeDecodeError):
        scheme, colon = '', ''
    if scheme.lower() != 'basic' or not colon:
        raise Refused(401, 'unauthorized', 'b2_authorize_account needs basic authorization')
    return key_id, key


def to_json(value):
    def other(x):
        return sorted(x) if isinstance(x, set) else x.value

    return json.dumps(value, default=other).encode()


def main():
    parser = argparse.ArgumentParser(description="Backblaze's simulator of B2 by HTTP.")
    parser.add_argument('--address', default='127.0.0.1', help='where to listen, 127.0.0.1 by default')
    parser.add_argument('--port', type=int, default=8823, help='8823 by default; 0 takes a free one')
    parser.add_argument('--min-part-size', type=int, default=5_000_000,
                        help='bytes of each part of a large file but the last, 5000000 by default as of Backblaze')
    args = parser.parse_args()
    server = Server((args.address, args.port), args.min_part_size)
    print(f'ready on http://{args.address}:{server.server_port}', flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == '__main__':
    main()
