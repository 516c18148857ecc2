//! The tests of the engine in one binary, since each binary links the whole engine anew.

mod bound;
mod boundary;
mod control;
mod determinism;
mod echo;
mod faults;
mod figures;
mod hard_times;
mod kills;
mod read_back;
mod reads;
mod retries;
mod selection;
mod staff;
mod stops;
mod strategies;
mod unmapped;
