//! The tests of the root package in one binary, since each binary links the whole program anew.

mod browser;
mod claims;
mod cli;
mod comparison;
mod eta;
mod fuzz;
mod judge;
mod limiters;
mod live;
mod manager;
mod msrv;
mod owners;
mod preflight;
mod probe;
mod ranking;
mod reference;
mod selector;
mod selector_commands;
mod tidy;
mod words;
