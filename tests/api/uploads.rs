//! Uploads in chunks over HTTP.

use std::io::Cursor;

use market::objects::{BlobAddress, BlobKind};
use serde_json::json;
use web::client::RemoteBlobs;

use super::server::{Answer, BYTES, DOCUMENTS_QUOTA, Server, agent, answer};

const CHUNK: usize = 1 << 16;

fn path(address: BlobAddress, bytes: usize) -> String {
    format!("/v1/uploads/{}/{}?bytes={bytes}", address.kind.name(), address.digest)
}

fn patch(server: &Server, path: &str, offset: usize, chunk: &[u8]) -> Answer {
    let url = format!("{}{path}&offset={offset}", server.running.url());
    answer(agent().patch(url).content_type(BYTES).send(chunk))
}

fn kept_bytes(server: &Server) -> usize {
    let metrics = String::from_utf8(server.get("/metrics").body).unwrap();
    let line = metrics.lines().find(|line| line.starts_with("locus_blobs_kept_bytes ")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn genome(length: usize) -> (BlobAddress, Vec<u8>) {
    let bytes: Vec<u8> = (0..length).map(|place| u8::try_from(place % 251).unwrap()).collect();
    (BlobAddress::of(BlobKind::Genome, &bytes), bytes)
}

#[test]
fn an_upload_says_how_far_it_is_and_stores_with_the_last_chunk() {
    let server = Server::start();
    let (address, content) = genome(2 * CHUNK + 5);
    let path = path(address, content.len());
    let expect =
        |received: usize, stored: bool| json!({ "received_bytes": received, "bytes": content.len(), "stored": stored });
    for (place, status) in [(0, 200), (CHUNK, 200), (2 * CHUNK, 201)] {
        assert_eq!(server.get(&path).json(), expect(place, false));
        let end = content.len().min(place + CHUNK);
        let kept = patch(&server, &path, place, &content[place..end]);
        assert_eq!((kept.status, kept.json()), (status, expect(end, status == 201)));
    }
    assert_eq!(server.get(&path).json(), expect(content.len(), true));
    assert_eq!(kept_bytes(&server), content.len());
    // A genome is for those whom its owner lets read it.
    server.get(&format!("/v1/blobs/genome/{}", address.digest)).refused(404, &address.digest.to_string());
    assert_eq!(server.get("/v1/blobs/genome").json()["digests"], json!([]));
}

#[test]
fn a_chunk_out_of_place_is_a_conflict_and_a_wrong_blob_frees_its_room() {
    let server = Server::start();
    let (address, content) = genome(CHUNK + 1);
    let path = path(address, content.len());
    patch(&server, &path, 1, &content[1..]).refused(409, "goes on at byte 0");
    patch(&server, &path, 0, &content[..10]).refused(400, "65536");
    patch(&server, &path.replace("genome", "ciphertext"), 0, &content).refused(400, "/v1/blobs");
    assert_eq!(patch(&server, &path, 0, &vec![1; CHUNK]).status, 200);
    assert_eq!(kept_bytes(&server), CHUNK);
    patch(&server, &path, CHUNK, &[1]).refused(400, "begins anew");
    assert_eq!(kept_bytes(&server), 0);
    let beyond = usize::try_from(DOCUMENTS_QUOTA).unwrap() + 1;
    let (address, content) = genome(beyond);
    patch(&server, &super::uploads::path(address, beyond), 0, &content).refused(507, "no room");
}

#[test]
fn the_client_goes_on_where_an_earlier_upload_came_to() {
    let server = Server::start();
    let (address, content) = genome(3 * CHUNK);
    assert_eq!(patch(&server, &path(address, content.len()), 0, &content[..CHUNK]).status, 200);
    let mut heard = vec![];
    let blobs = RemoteBlobs::new(server.remote());
    let mut source = Cursor::new(content.as_slice());
    blobs.upload(address, content.len() as u64, &mut source, |progress| heard.push(progress.received_bytes)).unwrap();
    assert_eq!(heard, [CHUNK as u64, content.len() as u64]);
    let mut again = vec![];
    blobs.upload(address, content.len() as u64, &mut source, |progress| again.push(progress.stored)).unwrap();
    assert_eq!(again, [true]);
}
