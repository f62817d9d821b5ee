use std::path::Path;

use super::*;

fn names(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(folder);
    let entries = std::fs::read_dir(folder).expect("the folder of the migrations");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn every_file_is_listed_and_they_are_numbered_in_order() {
    for schema in Schema::ALL {
        let listed: Vec<String> = schema.migrations().iter().map(|m| format!("{}.sql", m.name)).collect();
        assert_eq!(listed, names(schema.as_str()), "src/migrate/{schema}.rs lists the files of the folder");
        for (at, name) in listed.iter().enumerate() {
            assert!(name.starts_with(&format!("{:04}_", at + 1)), "{schema}/{name} has the wrong number");
        }
    }
}

/// The statement without its comments and quoted texts, in small letters.
fn bare(sql: &str) -> String {
    let lines: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let lines = lines.join("\n").to_lowercase();
    // Every other piece stands between quotes; a doubled quote makes an empty one more.
    lines.split('\'').step_by(2).collect()
}

#[test]
fn a_file_holds_one_statement_and_a_table_says_what_it_is() {
    for schema in Schema::ALL {
        for migration in schema.migrations() {
            let (at, sql) = (format!("{schema}/{}", migration.name), bare(migration.sql));
            let has_a_body = ["create trigger", "create procedure"].iter().any(|kind| sql.contains(kind));
            assert!(has_a_body || !sql.trim_end().trim_end_matches(';').contains(';'), "{at}: one statement");
            assert!(!sql.contains("create table") || sql.contains("comment"), "{at}: a comment on the table");
        }
    }
}

fn row(migration: &Migration) -> Applied {
    Applied { name: migration.name.into(), checksum: migration.checksum(), finished: true }
}

#[test]
fn what_was_applied_must_be_known_and_unchanged() {
    let schema = Schema::EventStore;
    let mut applied: Vec<Applied> = schema.migrations().iter().map(row).collect();
    assert!(compare(schema, &applied).is_ok() && compare(schema, &applied[..1]).is_ok());
    applied[0].checksum[0] ^= 1;
    assert!(matches!(compare(schema, &applied), Err(MigrateError::Changed { .. })));
    applied[0].checksum[0] ^= 1;
    applied.push(Applied { name: "9999_later".into(), checksum: vec![0; 32], finished: true });
    assert!(matches!(compare(schema, &applied), Err(MigrateError::Ahead { .. })));
    applied.remove(0);
    assert!(compare(schema, &applied).is_err(), "a hole is no beginning");
}

/// The files that were made before anybody ran them, by their number.
const BEFORE_THE_FIRST_RELEASE: usize = 30;

#[test]
fn who_alters_a_table_says_how_so_that_mysql_refuses_rather_than_blocks() {
    let mut seen = 0;
    for schema in Schema::ALL {
        for migration in schema.migrations().iter().skip(BEFORE_THE_FIRST_RELEASE) {
            let sql = bare(migration.sql);
            let says = ["algorithm = instant", "algorithm = inplace, lock = none"];
            let alters = sql.trim_start().starts_with("alter table");
            assert!(!alters || says.iter().any(|says| sql.contains(says)), "{schema}/{}", migration.name);
            seen += usize::from(alters);
        }
    }
    assert!(seen > 0, "some file alters a table");
}
