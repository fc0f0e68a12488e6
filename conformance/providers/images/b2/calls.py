"""The calls that there are, what each needs and costs, and a request of one."""

from dataclasses import dataclass

from rules import Refused, bad_request

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
            code = 'out_of_range' if name == 'maxFileCount' else 'bad_request'
            raise Refused(400, code, f'{name} is {value}, it can be {least} to {most}')
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
