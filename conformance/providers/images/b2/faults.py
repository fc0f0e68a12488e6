"""Faults that tests script, and the log of calls."""

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, fields

from rules import bad_request

DEFAULT_CODES = {
    400: 'bad_request', 401: 'expired_auth_token', 403: 'cap_exceeded', 408: 'request_timeout',
    429: 'too_many_requests', 500: 'internal_error', 503: 'service_unavailable',
}

KINDS = ('answer', 'drop', 'lose', 'cut', 'corrupt', 'slow')


@dataclass
class Fault:
    """front.py documents the fields."""

    call: str
    do: str
    bucket: str = ''
    key: str = ''
    times: int = 1
    skip: int = 0
    # of answer
    status: int = 503
    code: str = ''
    message: str = 'scripted'
    retryAfter: int = -1
    retryDate: int = -1
    body: str = ''
    # of drop, cut and corrupt
    after: int = 0
    # of slow
    delay: float = 0
    rate: int = 0

    @classmethod
    def parse(cls, given):
        types = {f.name: f.type for f in fields(cls)}
        for name, value in given.items():
            if name not in types:
                raise bad_request(f'a fault has no {name}; it has {", ".join(types)}')
            want = (int, float) if types[name] is float else types[name]
            if not isinstance(value, want) or isinstance(value, bool):
                raise bad_request(f'{name} of a fault is {value!r}, not of type {types[name].__name__}')
        if not given.get('call') or given.get('do') not in KINDS:
            raise bad_request(f'a fault needs a call, such as b2_upload_file or *, and do, one of {", ".join(KINDS)}')
        fault = cls(**given)
        if fault.times < 1 or fault.skip < 0 or fault.after < 0 or fault.delay < 0 or fault.rate < 0:
            raise bad_request('times of a fault is at least 1, and skip, after, delay and rate are not negative')
        if fault.do == 'answer' and not 400 <= fault.status <= 599:
            raise bad_request('the status of a fault is one of 400 to 599')
        if fault.do == 'slow' and not fault.delay and not fault.rate:
            raise bad_request('a fault that is slow needs a delay in seconds, or a rate in bytes a second')
        fault.code = fault.code or DEFAULT_CODES.get(fault.status, 'error')
        return fault

    def matches(self, call, key, bucket):
        return self.call in ('*', call) and self.bucket in ('', bucket) and self.key in ('', key)


class Faults:
    """The faults to come. Each call takes at most one: the first that matches it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._pending = []

    def add(self, fault):
        with self._lock:
            self._pending.append(fault)

    def clear(self):
        with self._lock:
            self._pending.clear()

    def pending(self):
        with self._lock:
            return [dict(vars(f)) for f in self._pending]

    def take(self, call, key, bucket):
        with self._lock:
            for fault in self._pending:
                if not fault.matches(call, key, bucket):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                if fault.times == 0:
                    self._pending.remove(fault)
                return fault
        return None


class Log:
    """How often what happened, by the key and the bucket that it happened with."""

    KINDS = ('calls', 'transactions', 'answers', 'uploadUrls')

    def __init__(self):
        self._lock = threading.Lock()
        self._counts = defaultdict(Counter)

    def add(self, key, bucket, kind, what, times=1):
        with self._lock:
            self._counts[key, bucket][kind, what] += times

    def clear(self):
        with self._lock:
            self._counts.clear()

    def read(self, key='', bucket=''):
        """The counts for a key and a bucket, or for all of them."""
        result = {kind: {} for kind in self.KINDS}
        with self._lock:
            for (of_key, of_bucket), counts in self._counts.items():
                if key in ('', of_key) and bucket in ('', of_bucket):
                    for (kind, what), times in counts.items():
                        result[kind][what] = result[kind].get(what, 0) + times
        return result
