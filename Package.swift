// swift-tools-version: 6.2
import PackageDescription

// MARK: What we stand on

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")

// MARK: The rooms. An arrow only ever points up this list: the compiler is the guard.

let package = Package(
    name: "rancher-agent",
    products: [
        .executable(name: "rancher-agent", targets: ["rancher-agent"]),
        .executable(name: "rancher-sim", targets: ["rancher-sim"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    ],
    targets: [
        // Values
        .target(name: "LosslessJSON"),
        .target(name: "Model", dependencies: ["LosslessJSON"]),
        .target(name: "Lifecycle", dependencies: ["LosslessJSON", "Model"]),

        // The store
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .target(
            name: "Migrations", path: "migrations", sources: ["Migrations.swift"],
            resources: [
                .embedInCode("m0001_initial.sql"), .embedInCode("m0002_apart.sql"), .embedInCode("m0003_lean.sql"),
                .embedInCode("m0004_dialect.sql"),
            ]),
        .target(name: "Store", dependencies: ["CSQLite", "Migrations", "Model"]),

        // The decisions
        .target(name: "Reconciler", dependencies: ["LosslessJSON", "Model", "Lifecycle", "Store", heap, deque]),

        // What the operator sees of the store
        .target(name: "Inspection", dependencies: ["Lifecycle", "LosslessJSON", "Model", "Store"]),

        // The outside world
        .target(name: "URLCoding"),
        .testTarget(name: "URLCodingTests", dependencies: ["URLCoding"]),
        .target(name: "Deadline", dependencies: [nioCore, nioPosix]),
        .target(name: "HTTPTransport", dependencies: [nioCore, nioPosix, nioHTTP, nioTLS, nioSSL, deque]),
        .testTarget(name: "DeadlineTests", dependencies: ["Deadline"]),
        .target(
            name: "DockerEngine",
            dependencies: ["HTTPTransport", "LosslessJSON", "URLCoding", nioCore, nioPosix, nioHTTP, nioSSL, logging]),
        .target(
            name: "RancherAPI",
            dependencies: [
                "Deadline", "LosslessJSON", "Model", "URLCoding", nioCore, nioPosix, nioHTTP, nioWebSocket, nioSSL,
                httpClient, logging, asn1,
            ]),
        // The plug-ins that mount volumes, on their sockets
        .target(
            name: "StoragePlugin",
            dependencies: ["Deadline", "LosslessJSON", "URLCoding", nioCore, nioHTTP, httpClient]),
        // The addresses that network plug-ins give to containers
        .target(name: "CNamespace"),
        .target(name: "ContainerNetwork", dependencies: ["CNamespace", "Deadline", "LosslessJSON"]),
        // A program of the host that servers have run
        .target(name: "CSpawn"),
        .target(
            name: "Runtime",
            dependencies: [
                "CSpawn", "Deadline", "LosslessJSON", "Model", "DockerEngine", "StoragePlugin", "ContainerNetwork",
                logging,
            ]),
        // The host key is made by the library that does the TLS
        .target(name: "HostInfo", dependencies: ["Deadline", "LosslessJSON", nioSSL, asn1]),

        // Whether the daemon gets on, and what it counts
        .target(name: "Health", dependencies: [nioCore, nioPosix, nioHTTP]),
        .testTarget(name: "HealthTests", dependencies: ["Health", nioCore, nioHTTP, nioPosix, httpClient]),

        // The shell, and the commands
        .target(name: "CAllocator"),
        .target(
            name: "Agent",
            dependencies: [
                "CAllocator",
                "LosslessJSON", "Model", "Lifecycle", "Store", "Reconciler", "DockerEngine", "RancherAPI", "Runtime",
                "StoragePlugin", "ContainerNetwork", "Deadline", "Health", "HostInfo", "URLCoding", nioCore, nioPosix,
                nioHTTP, httpClient, deque, logging, lifecycle, unixSignals,
            ]),
        // What brings the agent onto a host: its container, or its service
        .target(
            name: "Bootstrap",
            dependencies: ["Deadline", "DockerEngine", "LosslessJSON", "RancherAPI", httpClient, logging]),
        // The way to the server and to the engine, step by step
        .target(
            name: "Doctor",
            dependencies: [
                "Agent", "ContainerNetwork", "Deadline", "DockerEngine", "HTTPTransport", "HostInfo", "Inspection",
                "LosslessJSON", "Model", "RancherAPI", "Store", "URLCoding", nioCore, nioPosix, nioHTTP, nioTLS,
                nioSSL, asn1, logging,
            ]),
        .executableTarget(
            name: "rancher-agent",
            dependencies: [
                "Agent", "Bootstrap", "DockerEngine", "Doctor", "Inspection", "Model", "Store", "LosslessJSON",
                argumentParser, logging,
            ]),

        // A small Rancher server, for the demo, the tests and for trying things out
        .target(
            name: "RancherSimulator",
            dependencies: ["LosslessJSON", nioCore, nioPosix, nioHTTP, nioWebSocket, nioSSL]),
        .executableTarget(
            name: "rancher-sim", dependencies: ["RancherSimulator", "LosslessJSON", nioPosix, argumentParser]),
        // An engine on a socket, whose answers a test writes
        .target(
            name: "EngineStub", dependencies: ["DockerEngine", nioCore, nioPosix, nioHTTP, nioSSL, logging],
            path: "Tests/EngineStub"),
        .testTarget(
            name: "HTTPTransportTests",
            dependencies: ["DockerEngine", "EngineStub", "HTTPTransport", nioCore, nioPosix, nioHTTP]),
        .testTarget(
            name: "DockerEngineTests",
            dependencies: [
                "DockerEngine", "EngineStub", "HTTPTransport", "LosslessJSON", nioCore, nioPosix, nioHTTP, nioSSL,
                logging,
            ]),
        // An engine in memory, with faults to order, for the tests of the core
        .target(name: "SimulatedEngine", dependencies: ["LosslessJSON", "Model"], path: "Tests/SimulatedEngine"),
        // Copies of the fixtures in which something is wrong, for the tests of everything that reads events
        .target(name: "Mutations", dependencies: ["LosslessJSON", "SimulatedEngine"], path: "Tests/Mutations"),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "LosslessJSON", "Model", "Mutations", "RancherAPI", "Reconciler", "Runtime", "SimulatedEngine", "Store",
            ]),
        // The state machines as a page of tables
        .target(name: "StateTables", dependencies: ["LosslessJSON", "Model", "Lifecycle"], path: "Tests/StateTables"),
        .testTarget(
            name: "LifecycleTests",
            dependencies: ["LosslessJSON", "Model", "Lifecycle", "SimulatedEngine", "StateTables"]),
        // A storage plug-in on a real socket, with faults to order
        .target(
            name: "FakeStoragePlugin", dependencies: ["LosslessJSON", nioCore, nioPosix, nioHTTP],
            path: "Tests/FakeStoragePlugin"),
        .testTarget(
            name: "StoragePluginTests", dependencies: ["FakeStoragePlugin", "StoragePlugin", httpClient]),
        .testTarget(name: "ContainerNetworkTests", dependencies: ["ContainerNetwork", "Deadline"]),
        // Between the agent and a real engine, with faults to order
        .target(name: "FaultProxy", dependencies: ["LosslessJSON"], path: "Tests/FaultProxy"),
        // Processes that a test starts and watches; the agent among them
        .target(name: "Processes", path: "Tests/Processes"),
        // Stops a single thread of another process
        .target(name: "ThreadStop", path: "Tests/ThreadStop"),
        // An engine that does nothing, at once, on a real socket
        .target(
            name: "PaperEngine", dependencies: ["LosslessJSON", nioCore, nioPosix, nioHTTP], path: "Tests/PaperEngine"),
        // What the agent costs and how fast it is: make bench
        .executableTarget(
            name: "rancher-bench",
            dependencies: [
                "DockerEngine", "LosslessJSON", "PaperEngine", "Processes", "RancherSimulator", "Store", nioCore,
                nioPosix,
                argumentParser, logging,
            ],
            path: "Tests/Benchmark"),
        // The real binary beside a real Docker Engine: .ci/with-engine
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "DockerEngine", "FakeStoragePlugin", "FaultProxy", "LosslessJSON", "Model", "Mutations", "PaperEngine",
                "Processes", "RancherSimulator", "Store", "ThreadStop", "rancher-agent", "rancher-sim", nioCore,
                nioHTTP, httpClient, logging,
            ]),
        .testTarget(
            name: "InspectionTests",
            dependencies: [
                "Agent", "Bootstrap", "HostInfo", "Inspection", "rancher-agent", "Lifecycle", "LosslessJSON", "Model",
                "Processes", "RancherAPI", "Reconciler", "SimulatedEngine", "Store", argumentParser,
            ]),
        .testTarget(
            name: "BootstrapTests",
            dependencies: [
                "Bootstrap", "DockerEngine", "EngineStub", "FakeProxy", "LosslessJSON", "RancherAPI",
                "RancherSimulator", logging,
            ]),
        // Each trouble is there for real, on this host's own addresses
        .testTarget(
            name: "DoctorTests",
            dependencies: [
                "Agent", "Doctor", "FakeProxy", "Inspection", "LosslessJSON", "Model", "PaperEngine", "Processes",
                "RancherAPI", "RancherSimulator", "SimulatedEngine", "Store", "TestAuthority", "URLCoding",
                "rancher-agent", logging,
            ]),
        .testTarget(name: "HouseTests"),
        .testTarget(
            name: "AgentTests",
            dependencies: [
                "Agent", "Deadline", "DockerEngine", "EngineStub", "HostInfo", "LosslessJSON", "Model", "RancherAPI",
                "Reconciler", "Runtime", "StoragePlugin", "FakeHost", "SimulatedEngine", "Store", nioCore, nioPosix,
                nioHTTP, httpClient, logging, lifecycle,
            ]),
        // A host made of files, for the tests of what is read from one
        .target(name: "FakeHost", dependencies: ["HostInfo"], path: "Tests/FakeHost"),
        .testTarget(name: "HostInfoTests", dependencies: ["FakeHost", "HostInfo", "LosslessJSON", asn1]),
        .testTarget(
            name: "RuntimeTests",
            dependencies: [
                "DockerEngine", "EngineStub", "FakeStoragePlugin", "LosslessJSON", "Model", "RancherAPI", "Runtime",
                "StoragePlugin", nioCore,
                nioPosix, nioHTTP, httpClient, logging,
            ]),
        .testTarget(name: "LosslessJSONTests", dependencies: ["LosslessJSON"]),
        .testTarget(
            name: "ReconcilerTests",
            dependencies: ["LosslessJSON", "Model", "Lifecycle", "Store", "Reconciler", "SimulatedEngine"]),
        // Whole lives of a host from a seed: the core, its store and its codec are real, the rest is made up
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "LosslessJSON", "Model", "Lifecycle", "Store", "Reconciler", "RancherAPI", "SimulatedEngine",
            ]),
        .testTarget(name: "StoreTests", dependencies: ["Model", "Migrations", "SimulatedEngine", "Store"]),
        // A proxy on a port, with faults to order
        .target(name: "FakeProxy", dependencies: [nioCore, nioPosix, nioSSL], path: "Tests/FakeProxy"),
        // Makes certificates, good ones and bad ones
        .target(name: "TestAuthority", path: "Tests/TestAuthority"),
        .testTarget(
            name: "RancherAPITests",
            dependencies: [
                "FakeProxy", "RancherAPI", "RancherSimulator", "TestAuthority", "LosslessJSON", "Model", nioCore,
                nioPosix, nioHTTP, nioWebSocket, nioSSL, httpClient, logging,
            ]),
        .testTarget(
            name: "RancherSimulatorTests",
            dependencies: [
                "RancherSimulator", "LosslessJSON", nioCore, nioPosix, nioHTTP, nioWebSocket, nioSSL, httpClient,
            ]),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .treatAllWarnings(as: .error),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
}
