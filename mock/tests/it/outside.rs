//! A crate outside the workspace uses the mock with nothing but a path dependency.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TEST: &str = r#"
use neon_mock::NeonMock;
use std::io::{Read as _, Write as _};

#[tokio::test]
async fn a_test_of_someone_else() {
    let neon = NeonMock::builder().profile("unlimited").accounts(50).seed(1).start().await;
    assert!(neon.base_url().ends_with("/v2"));
    let mut stream = std::net::TcpStream::connect(neon.addr()).unwrap();
    stream.write_all(b"GET /v2/accounts/1 HTTP/1.0\r\nauthorization: Basic ZGVtbzpkZW1v\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 OK"), "{answer}");
    assert_eq!(neon.calls().total(), 1);
}
"#;

/// A directory that goes when dropped, also when the test fails.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
#[ignore = "builds the crate anew: `.ci/long` runs it"]
fn a_crate_outside_the_workspace_can_test_with_it() {
    let mock = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = mock.parent().expect("the crate lies in its workspace");
    let name = format!("neon-mock-outside-{}", std::process::id());
    let scratch = Scratch(std::env::temp_dir().join(name));
    fs::create_dir_all(scratch.0.join("tests")).expect("a writable temporary directory");
    let manifest = format!(
        "[workspace]\n\n\
         [package]\nname = \"outside\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [lib]\npath = \"lib.rs\"\n\n\
         [dev-dependencies]\nneon-mock = {{ path = {mock:?} }}\n\
         tokio = {{ version = \"1\", features = [\"macros\", \"rt\"] }}\n"
    );
    fs::write(scratch.0.join("Cargo.toml"), manifest).unwrap();
    fs::write(scratch.0.join("lib.rs"), "").unwrap();
    fs::write(scratch.0.join("tests/outside.rs"), TEST).unwrap();
    // The workspace's lock file names the versions that are at hand offline.
    fs::copy(workspace.join("Cargo.lock"), scratch.0.join("Cargo.lock")).unwrap();

    let output = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--quiet"])
        .current_dir(&scratch.0)
        .env("CARGO_TARGET_DIR", target_dir().join("outside"))
        // Nobody debugs what is built here, and without it is half the size.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo runs");
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("1 passed"), "{stdout}\n{stderr}");
}

/// The target directory that this test was built into, so that what it builds is kept.
fn target_dir() -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().expect("target/tmp lies in target").to_owned()
}
