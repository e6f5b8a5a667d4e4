"""What the playlists of a stack say, for tests that watch a broadcast."""

import requests


def last_number(playlist: str) -> int:
    """The number of the newest segment of a media playlist; 0 while there is none."""
    answer = requests.get(playlist, timeout=5)
    if not answer.ok:
        return 0
    first = int(answer.text.partition("#EXT-X-MEDIA-SEQUENCE:")[2].splitlines()[0])
    return first + answer.text.count("#EXTINF:")
