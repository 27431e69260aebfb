import * as tf from "@tensorflow/tfjs-core";
import { cam, overChannels, places } from "./cam";

/** Keeps the denominator from 0, as in the grad-cam package. */
const EPSILON = 1e-6;

/** Each channel's weight is sum(relu(g) · g² / (2 g² + sum(a) · g³)): equation 19, for the exponential of the output. */
export const gradCamPlusPlus = cam({
  name: "Grad-CAM++",
  summary: "Grad-CAM for several objects of one class: places count as much as their gradient's powers say",
  source: "Chattopadhyay et al. 2018",
  map: (activation, gradient) => {
    const square = tf.square(gradient);
    const cube = tf.mul(square, gradient);
    const mass = tf.sum(activation, places(activation), true);
    const denominator = tf.add(tf.add(tf.mul(square, 2), tf.mul(mass, cube)), EPSILON);
    const weight = tf.sum(tf.mul(tf.relu(gradient), tf.div(square, denominator)), places(gradient), true);
    return overChannels(tf.mul(weight, activation));
  },
});
