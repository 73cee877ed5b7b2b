//! The service does what its README says, over real connections, and stops when it is asked to.

use std::path::{Path, PathBuf};
use std::process::Command;

use readme_lines::{Example, assert_answers};
use sqlx::{Connection as _, SqliteConnection};

#[test]
fn every_line_of_the_readme_is_answered_as_it_says() {
    let (variables, database) = (fresh("readme-demo"), fresh("readme.db"));
    let mut command = service();
    command.args(["--database", &format!("sqlite:{}", database.display()), "--demo"]).arg(&variables);
    let example = Example::start(&mut command, "service ");
    assert_answers(include_str!("../README.md"), &[("target/demo", variables.to_str().unwrap())]);
    assert_eq!(example.stop(), Some(0));
}

#[test]
fn tokens_of_its_own_are_for_loopback_only() {
    let variables = fresh("refused-demo");
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-projects"));
    let output = command.args(["--listen", "0.0.0.0:0", "--demo"]).arg(&variables).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("`--demo` is for loopback"));
    assert!(!variables.exists());
}

#[test]
fn tokens_of_one_demo_are_nobodys_in_another() {
    let (one, other) = (fresh("one-demo"), fresh("other-demo"));
    let first = Example::start(service().arg("--demo").arg(&one), "service ");
    let second = Example::start(service().arg("--demo").arg(&other), "service ");
    let url = second.ready();
    let lines = format!(
        "```sh\n. {}\ncurl {url}/health # 200\ncurl -H \"Authorization: Bearer $ADA\" {url}/projects/apollo # 401\n```",
        one.display()
    );
    assert_answers(&lines, &[]);
    assert_eq!((first.stop(), second.stop()), (Some(0), Some(0)));
}

#[tokio::test]
async fn a_database_that_another_writer_keeps_locked_is_unavailable() {
    let (variables, database) = (fresh("locked-demo"), fresh("locked.db"));
    let url = format!("sqlite:{}", database.display());
    let mut command = service();
    let example = Example::start(command.args(["--database", &url, "--demo"]).arg(&variables), "service ");
    let mut writer = SqliteConnection::connect(&url).await.unwrap();
    for (statement, status) in [("BEGIN EXCLUSIVE", "503"), ("ROLLBACK", "200")] {
        sqlx::raw_sql(statement).execute(&mut writer).await.unwrap();
        let lines = format!(
            "```sh\n. {}\ncurl -H \"Authorization: Bearer $ADA\" $URL/projects/apollo # {status}\n```",
            variables.display()
        );
        assert_answers(&lines, &[]);
    }
    assert_eq!(example.stop(), Some(0));
}

fn service() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-projects"));
    command.args(["--listen", "127.0.0.1:0"]);
    command
}

/// The path of a file that is not there.
fn fresh(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("axum-projects-{name}"));
    // It may be left from an earlier run.
    let _ = std::fs::remove_file(&path);
    path
}
