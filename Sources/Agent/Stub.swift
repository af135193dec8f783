import AsyncHTTPClient
import ServiceLifecycle
enum AgentStub {}
