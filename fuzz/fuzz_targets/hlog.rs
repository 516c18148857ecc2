#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| neonbench_fuzz::targets::hlog(input));
