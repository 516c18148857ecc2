//! neonbench.
