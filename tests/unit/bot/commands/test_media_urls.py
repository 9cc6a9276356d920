"""The links that people paste, and what they mean: the table is the test."""

from __future__ import annotations

import pytest

from rosey_bot.commands.media_urls import DEAD_TYPES, TYPES, MediaReference, MediaUrlError, parse_media_url

PLAYLIST = "PLFgquLnL59alCl_2TQvOiD5Vgm1hCaGSI"
IFRAME = '<iframe src="https://example.com/embed/1" width="640" allowfullscreen></iframe>'
UUID = "9c9de5e8-0a1e-484a-b099-e80766180a6d"

LINKS = [
    ("yt", "dQw4w9WgXcQ", "https://www.youtube.com/watch?v=dQw4w9WgXcQ"),
    ("yt", "dQw4w9WgXcQ", "youtube.com/watch?v=dQw4w9WgXcQ"),
    ("yt", "dQw4w9WgXcQ", "HTTPS://WWW.YOUTUBE.COM/watch?v=dQw4w9WgXcQ"),
    ("yt", "dQw4w9WgXcQ", "https://m.youtube.com/watch?feature=share&v=dQw4w9WgXcQ&t=42s"),
    ("yt", "dQw4w9WgXcQ", f"https://www.youtube.com/watch?v=dQw4w9WgXcQ&list={PLAYLIST}&index=3"),
    ("yt", "dQw4w9WgXcQ", "https://youtu.be/dQw4w9WgXcQ?si=abcdef&t=10"),
    ("yt", "dQw4w9WgXcQ", "youtu.be/dQw4w9WgXcQ"),
    ("yt", "dQw4w9WgXcQ", "<https://youtu.be/dQw4w9WgXcQ>"),
    ("yt", "dQw4w9WgXcQ", "https://www.youtube.com/shorts/dQw4w9WgXcQ?feature=share"),
    ("yt", "dQw4w9WgXcQ", "https://www.youtube.com/live/dQw4w9WgXcQ"),
    ("yt", "dQw4w9WgXcQ", "https://www.youtube.com/embed/dQw4w9WgXcQ"),
    ("yt", "dQw4w9WgXcQ", "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ"),
    ("yt", "dQw4w9WgXcQ", "https://music.youtube.com/watch?v=dQw4w9WgXcQ"),
    ("yt", "dQw4w9WgXcQ", "https://www.youtube.com/v/dQw4w9WgXcQ#t=1m"),
    ("yt", "dQw4w9WgXcQ", "yt:dQw4w9WgXcQ"),
    ("yp", PLAYLIST, f"https://www.youtube.com/playlist?list={PLAYLIST}"),
    ("yp", PLAYLIST, f"https://www.youtube.com/watch?list={PLAYLIST}"),
    ("yp", PLAYLIST, f"https://www.youtube.com/embed/videoseries?list={PLAYLIST}"),
    ("yp", PLAYLIST, f"https://music.youtube.com/playlist?list={PLAYLIST}&si=x"),
    ("yp", PLAYLIST, f"yp:{PLAYLIST}"),
    ("vi", "76979871", "https://vimeo.com/76979871"),
    ("vi", "76979871", "https://vimeo.com/channels/staffpicks/76979871?share=copy"),
    ("vi", "76979871", "https://player.vimeo.com/video/76979871?autoplay=1"),
    ("vi", "76979871", "vimeo.com/groups/name/videos/76979871/"),
    ("vi", "76979871/ab12cd34ef", "https://vimeo.com/76979871/ab12cd34ef"),
    ("vi", "76979871/ab12cd34ef", "https://player.vimeo.com/video/76979871?h=ab12cd34ef"),
    ("vi", "76979871", "https://vimeo.com/showcase/7008490/video/76979871"),
    ("vi", "76979871", "vi:76979871"),
    ("dm", "x8abcde", "https://www.dailymotion.com/video/x8abcde"),
    ("dm", "x8abcde", "https://www.dailymotion.com/video/x8abcde_a-title-of-a-video_tv"),
    ("dm", "x8abcde", "https://dai.ly/x8abcde"),
    ("dm", "x8abcde", "https://www.dailymotion.com/embed/video/x8abcde?autoplay=1"),
    ("dm", "x8abcde", "https://geo.dailymotion.com/player.html?video=x8abcde"),
    ("dm", "x8abcde", "dm:x8abcde"),
    ("gd", "1A2b3C4d5E6f", "https://drive.google.com/file/d/1A2b3C4d5E6f/view?usp=sharing"),
    ("gd", "1A2b3C4d5E6f", "https://drive.google.com/open?id=1A2b3C4d5E6f"),
    ("gd", "1A2b3C4d5E6f", "https://drive.google.com/uc?export=download&id=1A2b3C4d5E6f"),
    ("gd", "1A2b3C4d5E6f", "https://drive.google.com/file/u/0/d/1A2b3C4d5E6f/preview"),
    ("gd", "1A2b3C4d5E6f", "https://docs.google.com/file/d/1A2b3C4d5E6f/edit"),
    ("gd", "1A2b3C4d5E6f", "gd:1A2b3C4d5E6f"),
    ("tw", "some_streamer", "https://www.twitch.tv/some_streamer"),
    ("tw", "some_streamer", "twitch.tv/some_streamer/"),
    ("tw", "some_streamer", "https://m.twitch.tv/some_streamer?tt_medium=x"),
    ("tw", "some_streamer", "https://player.twitch.tv/?channel=some_streamer&parent=example.com"),
    ("tw", "some_streamer", "tw:some_streamer"),
    ("tv", "v1234567890", "https://www.twitch.tv/videos/1234567890?t=1h2m"),
    ("tv", "v1234567890", "https://www.twitch.tv/some_streamer/video/1234567890"),
    ("tv", "v1234567890", "https://www.twitch.tv/some_streamer/v/1234567890"),
    ("tv", "v1234567890", "https://player.twitch.tv/?video=v1234567890&parent=example.com"),
    ("tv", "v1234567890", "tv:v1234567890"),
    ("tc", "FunnyClip-AbC_123", "https://clips.twitch.tv/FunnyClip-AbC_123"),
    ("tc", "FunnyClip-AbC_123", "https://www.twitch.tv/some_streamer/clip/FunnyClip-AbC_123?filter=clips"),
    ("tc", "FunnyClip-AbC_123", "https://m.twitch.tv/clip/FunnyClip-AbC_123"),
    ("tc", "FunnyClip-AbC_123", "https://clips.twitch.tv/embed?clip=FunnyClip-AbC_123"),
    ("tc", "FunnyClip-AbC_123", "tc:FunnyClip-AbC_123"),
    ("li", "123;456", "https://livestream.com/accounts/123/events/456"),
    ("li", "123;456", "https://livestream.com/accounts/123/events/456/videos/789"),
    ("li", "123;456", "livestream.com/accounts/123/events/456/player?width=640"),
    ("li", "123;456", "li:123;456"),
    ("rt", "rtmp://example.com/app/key", "rtmp://example.com/app/key"),
    ("rt", "rtmp://example.com:1935/app/key?token=1", "rtmp://example.com:1935/app/key?token=1"),
    ("rt", "rtmps://example.com/app/key", "rtmps://example.com/app/key"),
    ("rt", "rtmp://example.com/app/key", "rt:rtmp://example.com/app/key"),
    ("hl", "https://example.com/live/stream.m3u8", "https://example.com/live/stream.m3u8"),
    ("hl", "https://example.com/live.M3U8?token=a&b=c", "https://example.com/live.M3U8?token=a&b=c"),
    ("hl", "https://example.com/stream.m3u8", "example.com/stream.m3u8"),
    ("hl", "https://example.com/live", "hl:https://example.com/live"),
    ("cu", IFRAME, IFRAME),
    ("cu", IFRAME, f"cu:{IFRAME}"),
    ("cu", "<IFRAME src='https://e.com'></IFRAME>", " <IFRAME src='https://e.com'></IFRAME> "),
    ("fi", "https://example.com/a%20b.mp4", "https://example.com/a%20b.mp4"),
    ("fi", "https://example.com/a.webm?x=1&y=2#z", "https://example.com/a.webm?x=1&y=2#z"),
    ("fi", "https://example.com:8443/song.ogg", "https://example.com:8443/song.ogg"),
    ("fi", "https://files.example.com/a.mp3", "files.example.com/a.mp3"),
    ("fi", "http://example.com/a.mp4", "http://example.com/a.mp4"),
    ("fi", "https://example.com/download?id=3", "fi:https://example.com/download?id=3"),
    ("cm", "https://example.com/manifest.json", "https://example.com/manifest.json"),
    ("cm", "https://example.com/m.JSON?v=2", "https://example.com/m.JSON?v=2"),
    ("cm", "https://example.com/manifest.json", "example.com/manifest.json"),
    ("cm", "https://example.com/manifest", "cm:https://example.com/manifest"),
    ("sb", "moo", "https://streamable.com/moo"),
    ("sb", "moo", "https://streamable.com/e/moo?quality=highest"),
    ("sb", "moo", "streamable.com/o/moo"),
    ("sb", "moo", "sb:moo"),
    ("pt", f"peertube.example.org;{UUID}", f"https://peertube.example.org/videos/watch/{UUID}"),
    ("pt", f"peertube.example.org;{UUID}", f"https://peertube.example.org/videos/embed/{UUID}?title=0"),
    ("pt", "tube.example.org;kkGMgK9ZtnKfYAgnEtQxbv", "https://tube.example.org/w/kkGMgK9ZtnKfYAgnEtQxbv?start=3s"),
    ("pt", f"tube.example.org;{UUID}", f"https://tube.example.org/w/{UUID}"),
    ("pt", f"tube.example.org;{UUID}", f"pt:tube.example.org;{UUID}"),
    ("bc", "AbC123xyz", "https://www.bitchute.com/video/AbC123xyz/"),
    ("bc", "AbC123xyz", "bitchute.com/video/AbC123xyz"),
    ("bc", "AbC123xyz", "https://www.bitchute.com/embed/AbC123xyz/"),
    ("bc", "AbC123xyz", "bc:AbC123xyz"),
    ("bn", "someband;a-song", "https://someband.bandcamp.com/track/a-song"),
    ("bn", "someband;a-song", "http://someband.bandcamp.com/track/a-song?from=embed"),
    ("bn", "someband;a-song", "someband.bandcamp.com/track/a-song/"),
    ("bn", "someband;a-song", "bn:someband;a-song"),
    ("od", "someone;a-video", "https://odysee.com/@someone:1/a-video:2f"),
    ("od", "someone;a-video", "https://odysee.com/@someone/a-video"),
    ("od", "someone;a-video", "https://odysee.com/$/embed/@someone:a/a-video:b?r=x"),
    ("od", "someone;a-video", "https://lbry.tv/@someone:1/a-video:2"),
    ("od", "someone;a-video", "od:someone;a-video"),
    ("nv", "sm9", "https://www.nicovideo.jp/watch/sm9"),
    ("nv", "sm9", "https://nico.ms/sm9"),
    ("nv", "sm9", "https://sp.nicovideo.jp/watch/sm9?from=30"),
    ("nv", "sm9", "https://embed.nicovideo.jp/watch/sm9"),
    ("nv", "sm9", "nv:sm9"),
]

DEAD_LINKS = [
    ("Google+", "https://plus.google.com/photos/1/albums/2/3"),
    ("Google+", "gp:1_2"),
    ("Ustream", "https://www.ustream.tv/channel/1"),
    ("Vid.me", "https://vid.me/abcd"),
    ("Hitbox", "https://www.hitbox.tv/someone"),
    ("Smashcast", "https://www.smashcast.tv/someone"),
    ("Imgur", "https://imgur.com/a/abcde"),
    ("Mixer", "https://mixer.com/someone"),
    ("JW Player", "jw:rtmp://example.com/x"),
    ("SoundCloud", "https://soundcloud.com/someone/song"),
    ("SoundCloud", "sc:x"),
]

BROKEN = [
    ("no link", "never gonna give you up"),
    ("no link", "dQw4w9WgXcQ"),
    ("no link", ""),
    ("no link", "x:y"),
    ("broken", "https://"),
    ("broken", "https://[::1"),
    ("ftp", "ftp://example.com/a.mp4"),
    ("javascript", "javascript://example.com/%0aalert(1)"),
    ("no media type 'zz'", "zz:x"),
    ("YouTube", "https://www.youtube.com/"),
    ("YouTube", "https://www.youtube.com/@someone"),
    ("YouTube", "https://youtu.be/"),
    ("PL...", "https://www.youtube.com/playlist?list=RDdQw4w9WgXcQ"),
    ("Vimeo", "https://vimeo.com/about"),
    ("Dailymotion", "https://www.dailymotion.com/"),
    ("Google Drive", "https://drive.google.com/drive/my-drive"),
    ("Twitch", "https://www.twitch.tv/"),
    ("Livestream", "https://livestream.com/someone/event"),
    ("Odysee", "https://odysee.com/$/discover"),
    ("Bandcamp", "https://someband.bandcamp.com/album/x"),
    ("BitChute", "https://www.bitchute.com/channel/x"),
    ("Niconico", "https://www.nicovideo.jp/"),
    ("Streamable", "https://streamable.com/"),
    ("<iframe>", "<object data='https://example.com'></object>"),
    ("<iframe>", "cu:https://example.com"),
]


@pytest.mark.parametrize(("kind", "name", "link"), LINKS, ids=[link for _, _, link in LINKS])
def test_a_link_means_its_medium(kind: str, name: str, link: str) -> None:
    assert parse_media_url(link) == MediaReference(kind, name)


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_that_is_alive_is_understood_in_three_forms(kind: str) -> None:
    assert len([link for found, _, link in LINKS if found == kind]) >= 3


@pytest.mark.parametrize(("name", "link"), DEAD_LINKS)
def test_dead_types_are_refused_by_name(name: str, link: str) -> None:
    with pytest.raises(MediaUrlError, match="any more") as refusal:
        parse_media_url(link)
    assert name in str(refusal.value)


@pytest.mark.parametrize("kind", DEAD_TYPES)
def test_the_short_form_of_a_dead_type_is_refused(kind: str) -> None:
    with pytest.raises(MediaUrlError, match="any more"):
        parse_media_url(f"{kind}:x")


@pytest.mark.parametrize(("hint", "link"), BROKEN)
def test_what_is_no_medium_says_why(hint: str, link: str) -> None:
    with pytest.raises(MediaUrlError) as refusal:
        parse_media_url(link)
    assert hint in str(refusal.value)
