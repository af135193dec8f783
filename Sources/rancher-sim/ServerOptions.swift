import ArgumentParser
import RancherSimulator

/// What all commands that run a server have in common.
struct ServerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("What the server speaks: 2.0 (the tech preview) or 1.6.", valueName: "version"))
    var dialect = RancherServer.Dialect.rancher20

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 takes a free one.")
    var port = 8080

    @Option(help: "The registration token; without one always the same is used.")
    var token: String?

    @Option(help: ArgumentHelp("Ping every agent at this interval, as a real server does.", valueName: "seconds"))
    var pingEvery: Int?

    @Option(help: ArgumentHelp("Serve https with this certificate (PEM).", valueName: "file"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("The key of the certificate (PEM).", valueName: "file"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "Keep what is sent and taken in this file, and know it again at the next start.", valueName: "file"))
    var journal: String?

    @Flag(help: "Print the registration URL alone on the first line.")
    var printURL = false

    @Flag(help: "Print the JSON of every message.")
    var verbose = false

    func validate() throws {
        if let pingEvery, pingEvery < 1 { throw ValidationError("--ping-every takes a number of seconds from 1") }
        if (tlsCertificate == nil) != (tlsKey == nil) {
            throw ValidationError("--tls-certificate and --tls-key go together")
        }
    }

    /// Starts the server and says where it is.
    func start() async throws -> RancherServer {
        var tls: RancherServer.TLS?
        if let tlsCertificate, let tlsKey {
            tls = RancherServer.TLS(
                certificate: try RancherServer.readText(path: tlsCertificate),
                privateKey: try RancherServer.readText(path: tlsKey))
        }
        let server = try await RancherServer.start(
            dialect: dialect, host: host, port: port, tls: tls, token: token, journal: journal)
        if printURL {
            write(server.registrationURL)
        } else {
            write("Registration URL:  \(server.registrationURL)")
            write("Start an agent:    CATTLE_URL=\(server.apiURL) rancher-agent -url '\(server.registrationURL)'")
            write("")
        }
        return server
    }

    /// Pings the subscribed agents until it is cancelled.
    func ping(from server: RancherServer) async throws {
        guard let pingEvery else { return }
        var counts: [Int: Int] = [:]
        while true {
            let open = server.subscriptions
            counts = counts.filter { entry in open.contains { $0.number == entry.key } }
            for subscription in open {
                let count = counts[subscription.number, default: 0]
                counts[subscription.number] = count + 1
                server.send(
                    event: dialect.ping(agentID: subscription.agentID, number: count),
                    to: .agent(accessKey: subscription.accessKey))
            }
            try await Task.sleep(for: .seconds(pingEvery))
        }
    }
}

extension RancherServer.Dialect: ExpressibleByArgument {}
