"""As much of MQTT 3.1.1 as we speak, for media and control alike: who listens to a broker, and who tells one."""

from belvedere.mqtt.dialing import dial
from belvedere.mqtt.failure import MqttFailure
from belvedere.mqtt.session import Message, MqttSession

__all__ = ["Message", "MqttFailure", "MqttSession", "dial"]
