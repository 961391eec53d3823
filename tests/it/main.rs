//! The integration tests, in one binary.
#![allow(unreachable_pub, reason = "modules of one test binary")]

mod access_log;
mod attendance;
mod audit;
mod bench;
mod bilinear;
#[path = "../common/bombs.rs"]
mod bombs;
mod cascade;
mod checkpoint;
mod cli;
mod cli_add;
mod cli_attend;
mod cli_backup;
mod cli_doctor;
mod cli_evaluate;
mod cli_people;
mod cli_settings;
mod cli_tables;
#[path = "../common/damage.rs"]
mod damage;
mod decision;
mod decode_limits;
mod decoders;
mod determinism;
mod enroll;
mod examples;
mod expiry;
mod faults;
mod first_start;
mod front_door;
#[path = "../../fuzz/src/lib.rs"]
mod fuzz;
mod fuzz_targets;
mod golden;
mod healthcheck;
mod http_attendance_messages;
mod http_attendance_rules;
mod http_attendance_term;
mod http_clients;
mod http_golden;
mod http_keys;
mod http_metrics;
mod http_rates;
mod http_service;
mod http_shares;
mod http_sites;
mod http_slow_clients;
mod http_socket;
mod http_v1_attendance;
mod http_v1_disclosure;
mod http_v1_durable;
mod http_v1_faces;
mod http_v1_gate;
mod http_v1_openapi;
mod http_v1_people;
mod http_v1_recognize;
mod http_v1_roster;
mod http_v1_thumbnails;
mod import_pickle;
mod install;
mod key_list;
mod layering;
mod memory;
mod native;
mod overload;
mod people_store;
#[cfg(feature = "phone-photos")]
mod phone_bombs;
#[cfg(feature = "phone-photos")]
mod phone_photos;
mod postgres;
mod promises;
mod roster;
mod roster_sheets;
mod scale_graph;
mod search;
mod soak_report;
mod store;
mod support;
mod tail;
mod thumbnail_removal;
mod thumbnail_store;
mod tls;
mod unread_photos;
mod writer;
