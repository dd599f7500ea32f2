-- Is this session still the one that was told to listen?
SELECT FROM pg_listening_channels() AS one WHERE one = '{channel}'
