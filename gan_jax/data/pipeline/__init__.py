"""The pipeline that sources share: decoding, caching, shuffling, placement, and prefetching."""
