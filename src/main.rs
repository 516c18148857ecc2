//! neonbench.

fn main() {}
