//! Proofs about the pure merge core: an adversarial model of one record, laws, and tables of cases.

mod fixture;
mod laws;
mod model;
mod naive;
mod surfaces;
mod tables;
mod world;
