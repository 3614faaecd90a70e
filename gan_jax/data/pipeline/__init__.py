"""What sources share: decoding, caching, shuffling, placement and prefetching of examples."""
