import Foundation
import Lifecycle
import LosslessJSON
import Model
import SimulatedEngine
import Store
import Testing

@testable import Inspection

@Suite("Exporting")
struct ExportTests {
    let store: Store

    init() throws { store = try Fixture.filled() }

    private func lines() throws -> [JSON] {
        var lines: [JSON] = []
        try StateExport.run(of: store, now: Fixture.now) {
            lines.append($0)
            return true
        }
        return lines
    }

    @Test("Everything is there, each row once, with its kind")
    func complete() throws {
        let lines = try lines()
        func count(_ kind: String) -> Int { lines.count { $0["kind"].text == kind } }
        #expect(lines.first?["kind"] == "store")
        #expect(count("resource") == 4)
        #expect(count("event") == 3)
        #expect(count("reply") == 2)
        #expect(count("transition") == 7)
        #expect(count("quarantine") == 1)
        #expect(lines.count == 18)
        for line in lines { #expect(!line.encodedText.contains("\n")) }
    }

    @Test("More rows than are read at a time are all there, once")
    func manyRows() throws {
        for number in 0..<250 {
            let key = ResourceKey(.volume, "v\(number)")
            try store.put(Fixture.row(key, name: "v\(number)", desired: "active", phase: "active"))
            for phase in ["requested", "creating", "active"] {
                try store.insert(
                    TransitionRow(key: key, generation: 1, from: "", to: phase, cause: "as wanted", at: Fixture.now))
            }
            try store.insert(
                Fixture.event("m\(number)", "storage.volume.activate", about: key, generation: 1, .answered, ago: .zero)
            )
            try store.insertReply(to: "m\(number)", body: "{}", isFailure: false, at: Fixture.now)
        }
        let lines = try lines()
        #expect(Set(lines).count == lines.count)
        #expect(lines.count == 18 + 250 * 6)
    }

    @Test("A row that cannot be read ends nothing: its place is told")
    func unreadableRows() throws {
        for number in 0..<250 {
            let key = ResourceKey(.volume, "v\(number)")
            try store.put(Fixture.row(key, name: "v\(number)", desired: "active", phase: "active"))
            try store.insert(
                TransitionRow(key: key, generation: 1, from: "", to: "active", cause: "as wanted", at: Fixture.now))
        }
        try store.connection.execute(
            """
            UPDATE resource SET key = 'robot:7' WHERE key = 'volume:v120';
            UPDATE transition SET key = 'robot:7' WHERE key = 'volume:v120';
            UPDATE resource SET key = CAST(x'f0ff' AS TEXT) WHERE key = 'volume:v121';
            """)
        let lines = try lines()
        #expect(lines.count == 18 + 250 * 2)
        #expect(Set(lines).count == lines.count)
        let unreadable = lines.filter { !$0["unreadable"].isNull }
        #expect(unreadable.map { $0["kind"] } == ["resource", "resource", "transition"])
        #expect(unreadable.first?["unreadable"] == "robot:7")
        #expect(unreadable.last?["unreadable"] == ["key": "robot:7", "number": 1])
    }

    @Test("A reader who takes his time does not make the log grow")
    func slowReader() throws {
        let directory = try TemporaryDirectory()
        let writer = try directory.openStore()
        try Fixture.fill(writer)
        for number in 0..<250 {
            try writer.put(
                Fixture.row(ResourceKey(.volume, "v\(number)"), name: "v\(number)", desired: "active", phase: "active"))
        }
        try writer.connection.execute("PRAGMA synchronous = OFF")
        var count = 0
        var logBytes = 0
        try directory.location.readOnce { store throws(StoreError) in
            try StateExport.run(of: store, now: Fixture.now) { _ in
                count += 1
                guard count == 120 else { return true }
                // He looks at it for as long as all this takes.
                var row = Fixture.row(Fixture.data, name: "data", desired: "active", phase: "active")
                for number in 0..<5000 {
                    // Nothing is written of a row that stays as it was.
                    row.updatedAt = row.updatedAt + .milliseconds(number)
                    #expect(throws: Never.self) { try writer.put(row) }
                }
                logBytes = directory.location.fileBytes("-wal")
                return true
            }
        }
        #expect(count == 18 + 250)
        #expect(logBytes > 0 && logBytes < 16 << 20, "\(logBytes)")
    }

    @Test("It says of itself that it is not the state of one moment")
    func header() throws {
        #expect(try lines().first?["isOneMoment"] == false)
    }

    @Test("Nothing more is read when nobody takes it")
    func ended() throws {
        var count = 0
        try StateExport.run(of: store, now: Fixture.now) { _ in
            count += 1
            return count < 3
        }
        #expect(count == 3)
    }

    @Test("No secret is in it, wherever it was")
    func secrets() throws {
        var planted = Fixture.secrets
        func secret(_ place: String) -> String {
            let text = "hunter2-\(place)-\(planted.count)"
            planted.append(text)
            return text
        }
        let frame: JSON = [
            "id": "p1", "name": "compute.instance.activate",
            "data": [
                "container": [
                    "environment": ["PLAIN": JSON(secret("environment")), "LIST": [JSON(secret("nested"))]],
                    "command": [
                        "run", "--password", JSON(secret("word")), .string("--db-token=\(secret("option"))"),
                        .string("sh -c 'export API_KEY=\(secret("script")); go'"),
                        .string("curl -H 'Authorization: Bearer \(secret("bearer"))' http://u:\(secret("url"))@host/x"),
                    ],
                    "labels": ["com.example.password": JSON(secret("label"))],
                    "logConfig": ["driver": "splunk", "config": ["url": JSON(secret("log"))]],
                    "registryCredential": [
                        "publicValue": JSON(secret("user")), "secretValue": JSON(secret("registry")),
                    ],
                    "dataVolumes": ["a:/b"],
                ],
                "volume": ["driver": "nfs", "driverOpts": ["share": JSON(secret("driver"))]],
                "authConfig": .string(#"{"password":"\#(secret("json-in-text"))"}"#),
                "token": JSON(secret("token")), "secretKey": ["deep": [JSON(secret("deep"))]],
                "file": .string("-----BEGIN RSA PRIVATE KEY-----\n\(secret("pem"))\n-----END RSA PRIVATE KEY-----"),
                "note": .string(#"{"nested":{"apiKey":"\#(secret("nested-json"))","kept":"visible-3"}}"#),
            ],
            "kept": "visible-1",
        ]
        let inspection: JSON = [
            "data": [
                "instance": [
                    "+data": [
                        "dockerInspect": [
                            "Config": [
                                "Env": [.string("PATH=\(secret("path"))"), .string("X=\(secret("env"))")],
                                "Cmd": ["mysqld", .string("--secret-file=\(secret("cmd"))")],
                            ],
                            "HostConfig": [
                                "LogConfig": ["Type": "gelf", "Config": ["x": JSON(secret("gelf"))]],
                                "StorageOpt": ["o": JSON(secret("storage"))],
                            ],
                        ]
                    ]
                ]
            ],
            "transitioningMessage": .string("pull of https://ada:\(secret("pull"))@registry/x failed"),
            "kept": "visible-2",
        ]
        let key = ResourceKey(.instance, "planted")
        var row = Fixture.row(
            key, name: "planted", desired: "running", phase: "failed",
            lastError: "login with password=\(secret("error")) failed: token: \(secret("colon"))",
            activity: "Building https://x:\(secret("activity"))@git/x")
        var image = ImageSpecification(reference: "i")
        image.credential = RegistryCredential(user: "ada", password: secret("machine"))
        image.build = ImageBuild(remote: "https://git:\(secret("build"))@host/repo", tag: "t")
        row.machine = Fixture.machine(.image(ImageMachine(image, desired: .present)))
        var instance = Fixture.webSpecification
        instance.container.environment = ["A": secret("specification")]
        instance.container.log.options = ["token": secret("log-option")]
        instance.container.storageOptions = ["size": secret("storage-option")]
        row.specification = Fixture.text(of: instance)
        try store.put(row)
        try store.insert(
            EventRow(
                header: EventHeader(id: "p1", name: "x", replyTo: nil, resourceID: nil, resourceType: nil),
                key: key.description, generation: 1, frame: frame.encodedText, state: .answered, receivedAt: Fixture.now
            ))
        try store.insertReply(to: "p1", body: inspection.encodedText, isFailure: true, at: Fixture.now)
        try store.replyFailed(to: "p1", attempts: 1, next: nil, error: "401 for secret_key=\(secret("delivery"))")
        try store.insert(
            TransitionRow(
                key: key, generation: 1, from: "", to: "failed", cause: "bad password='\(secret("cause"))'",
                at: Fixture.now))
        for raw in [frame.encodedText, "no json with \(secret("raw"))", "{\"password\":\"\(secret("cut"))"] {
            try store.quarantine(
                QuarantineRow(
                    source: "frame", name: "", raw: raw, error: "at token: \(secret("quarantine-error"))",
                    at: Fixture.now),
                keeping: 100)
        }
        try store.insert(
            EventRow(
                header: EventHeader(id: "p2", name: "x", replyTo: nil, resourceID: nil, resourceType: nil), key: nil,
                generation: 0, frame: "{\"password\": \"\(secret("broken-frame"))\"", state: .open,
                receivedAt: Fixture.now))

        let all = try lines().map(\.encodedText).joined(separator: "\n")
        #expect(planted.count > 35)
        for secret in planted { #expect(!all.contains(secret), "\(secret)") }
        #expect(!all.contains("hunter2"))
        for kept in ["visible-1", "visible-2", "visible-3", "\"PLAIN\":\"[redacted]\"", "PATH=[redacted]", "a:/b"] {
            #expect(all.contains(kept), "\(kept)")
        }
        // The same holds for what the other commands say.
        for name in ["planted", "web"] {
            guard case .found(let why) = try WhyQuery.run(name, now: Fixture.now, in: store) else {
                Issue.record("nothing, or several, for \(name)")
                continue
            }
            let show = try #require(try Fixture.show(name, in: store))
            for secret in planted {
                #expect(!why.json.encodedText.contains(secret), "\(secret)")
                #expect(!show.json.encodedText.contains(secret) && !show.text.contains(secret), "\(secret)")
            }
        }
    }

    @Test(
        "Texts lose what follows a telling name, and nothing else",
        arguments: [
            ("PASSWORD=a b", "PASSWORD=[redacted] b"), ("--password a b", "--password [redacted] b"),
            ("password: a", "password: [redacted]"), ("\"token\": \"a b\" c", "\"token\": \"[redacted]\" c"),
            ("Authorization: Bearer abc def", "Authorization: [redacted] def"),
            ("Basic abc", "Basic [redacted]"),
            ("https://u:p@h/x?access_token=a&b=c", "https://[redacted]@h/x?access_token=[redacted]&b=c"),
            ("http://host/a@b", "http://host/a@b"), ("needed by instance:0123", "needed by instance:0123"),
            ("the token is gone", "the token is gone"), ("key=", "key="), ("", ""), ("=", "="),
            ("password=", "password="),
            (
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."
            ),
            ("monkey business: done", "monkey business: done"),
            // A value that is empty is not the next one.
            (#"x {"identitytoken":"","password":"S"}"#, #"x {"identitytoken":"","password":"[redacted]"}"#),
            (#"password="" token="S""#, #"password="" token="[redacted]""#),
            ("--password='' --token S", "--password='' --token [redacted]"),
            ("--password '' --token S", "--password '' --token [redacted]"),
            ("password:\ntoken: S", "password:\ntoken: [redacted]"),
            // What is a part of a value does not end it.
            ("MYSQL_PASSWORD=abc,S", "MYSQL_PASSWORD=[redacted]"), ("password=a, b", "password=[redacted], b"),
            ("password=abc&S", "password=[redacted]"), ("password=abc;S", "password=[redacted]"),
            (#"x {"password":"a\"S","b":"c"}"#, #"x {"password":"[redacted]","b":"c"}"#),
            (#"x {\"password\":\"a\\\"S\",\"b\":\"c\"}"#, #"x {\"password\":\"[redacted]\",\"b\":\"c\"}"#),
            (#"x {"password":"a\\","b":"c"}"#, #"x {"password":"[redacted]","b":"c"}"#),
            (#"x {"tokens":["S1","S2"],"b":"c"}"#, #"x {"tokens":[redacted],"b":"c"}"#),
            ("password => S", "password => [redacted]"), ("password := S", "password := [redacted]"),
            (#"x ["--password", "S", "b"]"#, #"x ["--password", "[redacted]", "b"]"#),
            // A scheme is not the secret.
            ("Authorization: Token S x", "Authorization: [redacted] x"),
            ("-H 'X-Registry-Auth: A S' x", "-H 'X-Registry-Auth: [redacted]' x"),
            (#"{"Authorization": "Digest a, b S", "#, #"{"Authorization": "[redacted]", "#),
            ("token: Bearer S", "token: [redacted]"),
            ("Bearer\tS", "Bearer\t[redacted]"), ("Bearer\u{1}S", "Bearer\u{1}[redacted]"),
            // What is hidden already stays as it is.
            ("password=[redacted], b", "password=[redacted], b"),
            ("token: \"[redacted]\" c", "token: \"[redacted]\" c"),
        ])
    func texts(before: String, after: String) {
        #expect(Redaction.redacted(before) == after)
        #expect(Redaction.redacted(after) == after)
    }

    @Test("What was redacted once is not changed by doing it again")
    func twice() {
        let parts = [
            "password", "token", "Authorization", "x-auth", "Bearer", "--secret", "word", "=", ":", ",", ";", "&", "a=",
            "\"", "'", "\\", " ", "\t", "\n", "[redacted]", "{", "}", "[", "]", "(", ")", "://", "@", "/", "hunter2",
            "é",
        ]
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 1...14, using: &random)).map { _ in parts.randomElement(using: &random) ?? ""
            }
            .joined()
            let once = Redaction.redacted(text)
            #expect(Redaction.redacted(once) == once, "\(text.debugDescription)")
        }
    }

    @Test("What is no JSON is left out of records whole")
    func records() {
        #expect(Redaction.redactedRecord("secret").isNull)
        #expect(
            Redaction.redactedRecord(#"{"a":1,"password":null,"n":{"env":["A=b","c"]},"isSecret":true}"#).encodedText
                == #"{"a":1,"password":null,"n":{"env":["A=[redacted]","[redacted]"]},"isSecret":true}"#)
    }
}
