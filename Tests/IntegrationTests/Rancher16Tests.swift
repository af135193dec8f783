import FaultProxy
import Foundation
import LosslessJSON
import RancherSimulator
import Testing

/// What only a server of Rancher 1.6 asks for (PROTOCOL 5.4, 5.5, 5.9 to 5.13).
@Suite(.serialized, .engineDifferences)
struct Rancher16Tests {
    @Test(arguments: Dialect.only(.activationAhead))
    func `a volume and an image are brought here before an instance needs them`(dialect: Dialect) async throws {
        try await Registry.serve { registry in
            try await Scene.play(in: dialect, .init(isProxied: true)) { scene in
                let name = scene.volume("ahead")
                let volume = InstanceEvents.Volume(
                    name: name, driverOpts: ["type": "tmpfs", "device": "tmpfs", "o": "mode=0700"])
                // Whoever asks twice gets the same.
                for _ in 1...2 { try await scene.succeed(Dialect.volumeActivate(volume)) }
                #expect(scene.proxy.count(.createVolume) == 1)
                let shown = try JSON(parsing: Array(try await scene.engine.docker("volume", "inspect", name).utf8))[0]
                #expect(shown["Options"]["o"] == "mode=0700")

                let image = try await registry.publish("ahead:v1", scene.engine)
                try await scene.succeed(Dialect.imageActivate(image, isNoOp: true))
                #expect(scene.proxy.count(.pull) == 0)
                for _ in 1...2 { try await scene.succeed(Dialect.imageActivate(image)) }
                #expect(scene.proxy.count(.pull) == 1)
                let absent = String(image.prefix { $0 != "/" }) + "/nothing:here"
                try await scene.fail(Dialect.imageActivate(absent))
                let pulls = scene.proxy.count(.pull)

                let instance = try await scene.activate(
                    scene.instance("late") {
                        $0.image = image
                        $0.dataVolumes = ["\(name):/data"]
                        $0.volumes = [volume]
                    })
                #expect(scene.proxy.count(.pull) == pulls && scene.proxy.count(.createVolume) == 1)
                try await scene.remove(instance)
                try await scene.succeed(dialect.remove(volume))
                #expect(try await !scene.engine.hasVolume(name))
            }
        }
    }

    @Test(arguments: Dialect.only(.forcedStop))
    func `a container that the server does not know any more is stopped, in its own time (defects 75, 87c)`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            for wantsAnswer in [false, true] {
                let slow = ["sh", "-c", "trap 'sleep 1; exit 7' TERM; sleep 3600 & wait"]
                let known = try await scene.activate(scene.instance("forced\(wantsAnswer)", command: slow))
                let id = try #require(known.externalID)
                let event = Dialect.instanceForceStop(id: id, wantsAnswer: wantsAnswer)
                if wantsAnswer { try await scene.succeed(event) } else { try #require(scene.server.send(event: event)) }
                try await untilTrue("the container to stop") { try await scene.engine.state(id) == "exited" }
                // Not killed: it has come to its own end.
                #expect(try await scene.engine.inspect(id)?["State"]["ExitCode"] == 7)
            }
            // One that is gone has stopped.
            try await scene.succeed(Dialect.instanceForceStop(id: "feedfacefeedface", wantsAnswer: true))
        }
    }

    @Test(arguments: Dialect.only(.configurationUpdate))
    func `the host's script brings the configuration up to date, and its failure is an error (defect 85)`(
        dialect: Dialect
    ) async throws {
        try await Scene.play(in: dialect) { scene in
            let home = scene.directory + "/home"
            try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
            let script = """
                #!/bin/sh
                echo "$@" >\(scene.directory)/updated
                if [ "$1" = broken ]; then echo 'no such item' >&2; exit 3; fi
                """
            try script.write(toFile: home + "/config.sh", atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: home + "/config.sh")

            try await scene.succeed(Dialect.configUpdate(items: ["services", "pyagent", "certificates"]))
            let updated = try String(contentsOfFile: scene.directory + "/updated", encoding: .utf8)
            #expect(updated == "services pyagent certificates\n")
            let event = Dialect.configUpdate(items: ["broken"])
            let reply = try await scene.server.ask(event)
            #expect(reply.failure != nil)
            #expect(reply.data["exitCode"] == 3)
            #expect(reply.data["output"].text?.contains("no such item") == true)
            try await scene.succeed(Dialect.configUpdate(items: []))
        }
    }

    @Test(arguments: Dialect.only(.configurationUpdate))
    func `pings are answered while the host's script takes its time (defect 22)`(dialect: Dialect) async throws {
        try await Scene.play(in: dialect) { scene in
            let home = scene.directory + "/home"
            try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
            let (begun, goOn) = (scene.directory + "/begun", scene.directory + "/go-on")
            let script = """
                #!/bin/sh
                touch \(begun)
                for _ in $(seq 600); do [ -e \(goOn) ] && exit 0; sleep 0.1; done
                exit 1
                """
            try script.write(toFile: home + "/config.sh", atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: home + "/config.sh")
            let event = Dialect.configUpdate(items: ["slow"])
            try #require(scene.server.send(event: event))
            try await untilTrue("the script to run") { FileManager.default.fileExists(atPath: begun) }
            for _ in 1...5 { #expect(try await scene.server.ask(dialect.ping(resources: true)).outcome == .success) }
            #expect(scene.server.replies(to: event.eventID).isEmpty)
            try "".write(toFile: goOn, atomically: true, encoding: .utf8)
            #expect(try await scene.server.waitForReply(to: event.eventID).outcome == .success)
        }
    }

    @Test(arguments: Dialect.only(.rootVolumes))
    func `a container goes with the volume that is its root, and without one nothing goes`(dialect: Dialect)
        async throws
    {
        try await Scene.play(in: dialect) { scene in
            let other = try await scene.activate(scene.instance("other"))
            let known = try await scene.activate(scene.instance("root"))
            try await scene.deactivate(known)
            for _ in 1...2 {
                try await scene.succeed(dialect.remove(.init(rootOf: known)))
                try await scene.confirmGone(known)
            }
            try await scene.confirm(other, runs: true)
        }
    }

    @Test(arguments: Dialect.all)
    func `the agent's own container is neither stopped nor removed`(dialect: Dialect) async throws {
        try await Scene.play(in: dialect) { scene in
            var instance = scene.instance("agent")
            let id = try await scene.engine.docker(
                "run", "-d", "--name", "rancher-agent", "--label", "\(Engine.olderLabel)=\(instance.uuid)", "--label",
                "\(Engine.label)=\(instance.uuid)", Engine.image, "sleep", "3600")
            instance.externalID = id
            let reply = try await scene.succeed(instance.deactivate(timeoutSeconds: 1))
            #expect(reply.instanceStatus["externalId"].text == id)
            try await scene.succeed(instance.remove())
            #expect(try await scene.engine.state(id) == "running")
            if dialect == .rancher16 {
                try await scene.succeed(dialect.remove(.init(rootOf: instance)))
                #expect(try await scene.engine.state(id) == "running")
            }
            try await scene.engine.remove(id)
        }
    }
}
