"""Bytes of one raw file -> `skeldata.RawSequence`, or a `skeldata.ParseError` with its line."""
