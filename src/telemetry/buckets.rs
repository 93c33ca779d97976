//! Bucket bounds, in seconds.

/// From 20 µs, where a good gateway works, to 1 s.
pub(super) const ADDED: &[f64] =
    &[20e-6, 50e-6, 80e-6, 120e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 40e-3, 100e-3, 1.0];

/// From a fast neighbour to a slow vendor.
pub(super) const UPSTREAM: &[f64] =
    &[1e-3, 5e-3, 10e-3, 25e-3, 50e-3, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// From a disk with a battery to an SD card.
pub(super) const COMMIT: &[f64] =
    &[50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 25e-3, 0.1, 0.5, 2.0];
