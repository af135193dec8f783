import DockerEngine
import LosslessJSON
import Testing

@Test("scratch")
func scratch() async throws {
    let endpoint = try EngineEndpoint(dockerHost: "unix:///tmp/eng1/docker.sock")
    try await using(try EngineClient(endpoint: endpoint, logger: .quiet)) { client in
        try await client.ping()
        print("VERSION", try await client.version()["Version"])
        print("INFO", try await client.info()["Driver"], client.apiVersion as Any)
        print("NOIMAGE", await failure { _ = try await client.inspectImage("nope/x:1") } as Any)
        print("PULL", await failure { try await client.pullImage(name: "nope/x", tag: "1", auth: nil) { print("  ", $0.encodedText) } } as Any)
        print("IMAGE", try await client.inspectImage("scratchy:1")["Id"])
        try await client.tagImage("scratchy:1", repo: "host:5000/a/b", tag: "2")
        print("IMAGE2", try await client.inspectImage("host:5000/a/b:2")["RepoTags"].encodedText)
        print("DIGEST", await failure { _ = try await client.inspectImage("host:5000/a/b@sha256:0123456789012345678901234567890123456789012345678901234567890123") } as Any)
        try await client.removeImage("host:5000/a/b:2", force: true, noPrune: true)
        let volume = try await client.createVolume(name: "vol1", driver: "", options: [:])
        print("VOLUME", volume["Mountpoint"], try await client.inspectVolume("vol1")["Name"])
        try await withThrowingTaskGroup(of: Void.self) { group in
            let opened = Gate()
            group.addTask {
                do {
                    try await client.withContainerEvents(since: nil) { opened.open() } onEvent: { print("EVENT", $0.action, $0.actorID.prefix(6), $0.timeNano) }
                } catch { print("EVENTS END", error) }
            }
            await opened.wait()
            let created = try await client.createContainer(name: "c1", body: ["Image": "scratchy:1", "Cmd": ["/busybox", "sleep", "1000"], "Labels": ["k": "v w"], "HostConfig": ["NetworkMode": "none", "Binds": ["vol1:/vol"]]])
            print("CREATED", created)
            print("DUP", await failure { _ = try await client.createContainer(name: "c1", body: ["Image": "scratchy:1", "Cmd": ["x"]]) } as Any)
            print("BADJSON", await failure { _ = try await client.createContainer(name: "c2", body: ["Image": 5]) } as Any)
            print("LIST", try await client.listContainers(all: true, labels: ["k=v w"]).map { $0["Names"].encodedText }, try await client.listContainers(all: false).count)
            print("START", await failure { print("started", try await client.startContainer(created.id)) } as Any)
            print("START2", await failure { print("started", try await client.startContainer(created.id)) } as Any)
            print("STATE", try await client.inspectContainer("c1")["State"].encodedText)
            print("VOLRM", await failure { try await client.removeVolume("vol1", force: false) } as Any)
            print("STOP", await failure { print("stopped", try await client.stopContainer("c1", graceSeconds: 1)) } as Any)
            print("STOP2", await failure { print("stopped", try await client.stopContainer("c1", graceSeconds: 1)) } as Any)
            print("KILL", await failure { try await client.killContainer("c1") } as Any)
            try await client.removeContainer(created.id, removeVolumes: true, force: true)
            print("GONE", await failure { _ = try await client.inspectContainer(created.id) } as Any)
            try await client.removeVolume("vol1", force: true)
            try await Task.sleep(for: .milliseconds(300))
            group.cancelAll()
        }
    }
}
