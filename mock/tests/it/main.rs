//! The mock's tests in one binary; those that watch the memory of their process have their own.

mod admin;
mod client;
mod deliveries;
mod front_page;
mod hostile;
mod http;
mod lifecycle;
mod limits;
mod operations;
mod outside;
mod profiles;
mod purity;
mod raw;
mod shapes;
mod surface;
mod webhooks;
mod wire;
mod wiremock;
