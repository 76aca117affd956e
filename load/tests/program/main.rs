//! The program from outside: its commands, its end, what its loads come to.

mod control;
mod loads;
mod support;
